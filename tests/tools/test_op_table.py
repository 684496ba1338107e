"""tools/gen_op_table.py writes one call per operator file, and refuses two files of one name."""

import pathlib

import pytest
from gen_op_table import table


def test_portable_kernels_are_registered_first():
    text = table([pathlib.Path("a/relu.cc"), pathlib.Path("b/tanh.cc"), pathlib.Path("b/tanh.dnnl.cc")])
    assert text.index("op::tanh::register_ops") < text.index("op::tanh::register_dnnl")


def test_two_files_of_one_name():
    with pytest.raises(SystemExit, match="relu"):
        table([pathlib.Path("a/relu.cc"), pathlib.Path("b/relu.cc")])
