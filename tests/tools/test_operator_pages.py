"""The operators' page says names that the bindings have."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "gen"))

import operator_pages  # noqa: E402
from interface import operators  # noqa: E402

BINDINGS = ROOT / "bindings"


def test_every_spelling_exists():
    julia = (BINDINGS / "julia" / "src" / "gen" / "operators.jl").read_text()
    r = "".join(path.read_text() for path in (BINDINGS / "r" / "R").glob("*.R"))
    go = "".join(path.read_text() for path in (BINDINGS / "go").glob("*/gen*.go"))
    cpp = (BINDINGS / "cpp" / "include" / "mixnet" / "operators.hpp").read_text()
    for op in operators.operators():
        said = {language: re.findall(r"`([^`]*)`", text) for language, text in operator_pages.spellings(op.name)}
        name = said["Julia"][0][3:]
        assert f"const {name if name.startswith('var') else f'var{chr(34)}{name}{chr(34)}'} = " in julia, op.name
        assert all(re.search(rf"^`?{re.escape(name)}`? <- ", r, flags=re.M) for name in said["R"]), op.name
        assert f"func {said['Go'][0][3:]}(" in go, op.name
        assert f" {said['C++'][0][4:]}(" in cpp, op.name


def test_the_page_misses_no_operator():
    text = operator_pages.coverage(operators.schemas())
    assert text.count("Operators of MXNet") == 2 and "missing" not in text
