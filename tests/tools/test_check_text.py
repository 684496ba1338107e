"""tools/check_text.py finds unfinished work, paths of one machine and files that are too long."""

import check_text
import pytest


def test_good_text():
    assert check_text.problems("src/a.cc", "int a;  // see docs/home/x\n" * 600, {}) == []


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
@pytest.mark.parametrize("name", ["src/a.cc", "tools/a.py", "Makefile", "CMakeLists.txt", ".ci/run"])
def test_unfinished_work(word, name):
    assert check_text.problems(name, f"a\n# {word}: later\n", {}) == [f"{name}:2: unfinished work"]


@pytest.mark.parametrize("name", ["src/a.cc", "docs/a.md", "Makefile"])
def test_a_path_of_one_machine(name):
    assert check_text.problems(name, "see /" + "home/someone/x\n", {}) == [f"{name}:1: a path of one machine"]


def test_a_mark_of_a_merge():
    assert check_text.problems("docs/a.md", "a\n<<<<<<< HEAD\n=======\n>>>>>>> b\n", {}) == [f"docs/a.md:{n}: a mark of a merge" for n in (2, 4)]


def test_a_file_that_is_too_long():
    assert "601 lines" in check_text.problems("src/a.cc", "a\n" * 601, {})[0]
    assert check_text.problems("src/a.cc", "a\n" * 601, {"src/a.cc": "a reason"}) == []


def test_reasons_are_read():
    assert check_text.long_files("# note\n\na/b.py: one class: whole\n") == {"a/b.py": "one class: whole"}
