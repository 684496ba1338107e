"""The project's own checks refuse what they should."""

import importlib.util
import pathlib

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


def tool(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_layers_refuse_an_upward_include(tmp_path):
    layers = tool("check_layers")
    table = layers.read_table((TOOLS / "layers.txt").read_text())
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "x.cc").write_text('#include "ndarray/ndarray.h"\n#include "base/error.h"\n')
    assert layers.violations(tmp_path, table) == ["engine/x.cc: engine may not include ndarray/ndarray.h"]
    (tmp_path / "op" / "nn").mkdir(parents=True)
    (tmp_path / "op" / "nn" / "y.cc").write_text('#include "op/core/schema.h"\n#include "op/shape/z.h"\n')
    assert any("family nn may not include" in line for line in layers.violations(tmp_path, table))


def test_abi_refuses_changes_and_missing_tags():
    abi = tool("check_abi")
    good = "/** Text. @own none @threads any @blocks no @since 0.1 */\nMXN_API int32_t mxn_f(int32_t a);\n"
    assert abi.problems(good, ["int32_t mxn_f(int32_t a)"]) == []
    assert any("removed or changed" in p for p in abi.problems(good, ["int32_t mxn_f(int64_t a)"]))
    assert any("@own is missing" in p for p in abi.problems(good.replace("@own none", ""), ["int32_t mxn_f(int32_t a)"]))


def test_operator_table_refuses_two_files_of_one_name():
    table = tool("gen_op_table").table
    text = table([pathlib.Path("a/relu.cc"), pathlib.Path("b/tanh.cc"), pathlib.Path("b/tanh.dnnl.cc")])
    assert text.index("op::tanh::register_ops") < text.index("op::tanh::register_dnnl")
    with pytest.raises(SystemExit, match="relu"):
        table([pathlib.Path("a/relu.cc"), pathlib.Path("b/relu.cc")])
