"""The Go binding's generated files: package capi from the header, op, nd and sym from the operators, optim and iters from the optimizers and
iterators.

The library must be built.
"""

import pathlib

from go_binding import glue, iterators, lowlevel, operators, optimizers
from go_binding.signature import Reader
from interface import header
from interface.operators import operators as listed

FOLDER = pathlib.Path("bindings/go")


def files():
    """{path from the root: text}."""
    parsed = header.parse()
    read, ops = Reader(parsed), listed()
    return {
        FOLDER / "capi" / "gen_glue.h": glue.header(parsed.functions, read),
        FOLDER / "capi" / "gen_glue.c": glue.source(parsed.functions, parsed.callbacks, read),
        FOLDER / "capi" / "gen_types.go": lowlevel.types(parsed, read),
        FOLDER / "capi" / "gen_callbacks.go": lowlevel.callbacks(parsed),
        FOLDER / "capi" / "gen_functions.go": lowlevel.functions(parsed, read),
        FOLDER / "op" / "gen_op.go": operators.parameters(ops),
        FOLDER / "nd" / "gen_op.go": operators.functions(ops, "nd"),
        FOLDER / "sym" / "gen_op.go": operators.functions(ops, "sym"),
        FOLDER / "gen_operators_test.go": operators.table(ops),
        FOLDER / "optim" / "gen_optim.go": optimizers.source(),
        FOLDER / "iters" / "gen_iters.go": iterators.source(),
    }
