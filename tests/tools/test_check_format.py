"""tools/check_format.py finds sources that the pinned formatters would change, and what ruff complains about."""

import check_format

GOOD = {"a.cc": "int f(int a) { return a; }\n", "b.py": "def f(a):\n    return a\n"}


def complaints(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    native = [str(folder / name) for name in files if name.endswith(".cc")]
    return [text for text in map(check_format.complaint, check_format.commands(native, False, str(folder))) if text]


def test_good_layout(tmp_path):
    assert complaints(tmp_path, GOOD) == []


def test_bad_c_plus_plus(tmp_path):
    found = complaints(tmp_path, {**GOOD, "a.cc": "int f( int a ){return a;}\n"})
    assert len(found) == 1 and "[clang-format]" in found[0] and "1 files" in found[0] and "a.cc" in found[0]


def test_bad_python_layout(tmp_path):
    found = complaints(tmp_path, {**GOOD, "b.py": "def f( a ):\n  return a\n"})
    assert len(found) == 1 and "[ruff]" in found[0] and "b.py" in found[0]


def test_bad_python(tmp_path):
    found = complaints(tmp_path, {**GOOD, "b.py": "import os\n"})
    assert len(found) == 1 and "F401" in found[0]


def test_a_formatter_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(check_format, "TOOLS", tmp_path)
    assert "is not installed" in check_format.complaint(["ruff", "check"])


def test_every_kind_of_source_is_covered():
    names = check_format.sources("*.cc", "*.h", "*.c", "*.cu")
    assert "include/mixnet/c_api.h" in names and any(n.startswith("tests/") for n in names)
    assert not any(n.startswith("build/") for n in names)
