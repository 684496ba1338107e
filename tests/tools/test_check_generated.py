"""tools/check_generated.py finds generated files that are old, missing, empty, or that nothing writes."""

import importlib
import pathlib
import sys

import check_generated
import pytest

MARKED = '"""Operators. ' + check_generated.MARK + 'x.py."""\n'


def problems(root, written, tracked=(), ignored=()):
    return check_generated.problems(root, written, tracked, set(ignored))


def test_files_that_are_up_to_date(tmp_path):
    (tmp_path / "a.py").write_text("text\n")
    assert problems(tmp_path, {"a.py": "text\n"}) == []


def test_an_old_and_a_missing_file(tmp_path):
    (tmp_path / "a.py").write_text("old\n")
    assert problems(tmp_path, {"a.py": "new\n"}) == ["a.py: not up to date, run 'make gen'"]
    assert problems(tmp_path, {"b.py": "new\n"}) == ["b.py: not up to date, run 'make gen'"]


def test_a_file_that_is_not_committed_need_not_be_there(tmp_path):
    assert problems(tmp_path, {"page.md": "text\n"}, ignored=["page.md"]) == []


def test_an_empty_page(tmp_path):
    assert problems(tmp_path, {"page.md": " \n"}, ignored=["page.md"]) == ["page.md: generated empty"]


def test_a_file_that_nothing_writes(tmp_path):
    (tmp_path / "old.py").write_text(MARKED)
    assert problems(tmp_path, {}, tracked=["old.py"]) == ["old.py: no generator writes it any more"]
    assert problems(tmp_path, {"old.py": MARKED}, tracked=["old.py"]) == []


def test_two_generators_of_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("writer_one", "writer_two"):
        (tmp_path / f"{name}.py").write_text("def files():\n    return {'a.txt': 'text'}\n")
    with pytest.raises(SystemExit, match="two generators"):
        check_generated.generated(tmp_path)
    for name in ("writer_one", "writer_two"):
        sys.modules.pop(name, None)


def test_every_generator_has_files():
    for script in sorted((check_generated.ROOT / "tools" / "gen").glob("*.py")):
        assert callable(importlib.import_module(script.stem).files), script.name


def test_the_c_api_page():
    import c_api_page
    from interface import header

    functions = header.parse("/** Adds *all*. @own none @threads any @blocks no @since 0.1 */\nMXN_API int32_t mxn_sum_make(const char *const *a);\n").functions
    page = c_api_page.page(functions)
    assert "### mxn_sum_make" in page and "int32_t mxn_sum_make(const char *const *a);" in page and "- threads: any" in page
    assert pathlib.Path("docs/generated/c_api.md") in c_api_page.files()
