"""The header as the bindings' generators see it, beside what the C compiler's side of the repository says."""

import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "gen"))

from interface import header, operators  # noqa: E402


def test_every_function_of_the_headers_is_there():
    text = "".join((ROOT / "include" / "mixnet" / name).read_text() for name in header.HEADERS)
    assert {f.name for f in header.parse().functions} == set(re.findall(r"^MXN_API .*?\b(mxn_\w+)\(", text, flags=re.M))


def test_parameters_members_and_constants():
    parsed = header.parse()
    infer = next(f for f in parsed.functions if f.name == "mxn_symbol_infer_shape")
    assert [(p.name, p.base, p.stars, p.out) for p in infer.parameters[:3]] == [
        ("symbol", "mxn_symbol_t", 1, False),
        ("names", "char", 2, False),
        ("ndims", "int32_t", 1, False),
    ]
    assert infer.parameters[-1].out and infer.checked
    info = next(s for s in parsed.structs if s.name == "mxn_ndarray_info_t")
    assert (info.members[-1].name, info.members[-1].type, info.members[-1].length) == ("shape", "int64_t", 16)
    assert parsed.constants["MXN_ERROR_INTERNAL"] == -10 and "mxn_symbol_t" in parsed.handles


def test_functions_without_a_code_are_not_checked():
    unchecked = {f.name for f in header.parse().functions if not f.checked}
    assert {"mxn_version", "mxn_ndarray_free", "mxn_error_code"} <= unchecked and "mxn_op_invoke" not in unchecked


def test_what_cannot_be_read_is_an_error():
    with pytest.raises(SystemExit, match="no /\\*\\* comment"):
        header.parse("MXN_API int32_t mxn_sum_make(int32_t a);\n")
    with pytest.raises(SystemExit, match="cannot read"):
        header.parse("/** Adds. @own none */\nMXN_API int32_t mxn_sum_make(int32_t a);\n")


def test_operators():
    by_name = {op.name: op for op in operators.operators()}
    convolution, concat = by_name["Convolution"], by_name["Concat"]
    assert convolution.input_names == ("data", "weight", "bias") and convolution.parameters[0].field == 0 and convolution.parameters[0].required
    assert concat.variadic == "num_args" and [p.name for p in concat.options] == ["dim"] and by_name["sgd_mom_update"].mutates == (2,)
