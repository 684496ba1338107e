"""The Go binding's generated files: package capi from the header, packages op, nd and sym from the operators. The library must be built."""

import pathlib

from go_binding import glue, lowlevel
from go_binding.signature import Reader
from interface import header

FOLDER = pathlib.Path("bindings/go")


def files():
    """{path from the root: text}."""
    parsed = header.parse()
    read = Reader(parsed)
    return {
        FOLDER / "capi" / "gen_glue.h": glue.header(parsed.functions, read),
        FOLDER / "capi" / "gen_glue.c": glue.source(parsed.functions, parsed.callbacks, read),
        FOLDER / "capi" / "gen_types.go": lowlevel.types(parsed, read),
        FOLDER / "capi" / "gen_callbacks.go": lowlevel.callbacks(parsed),
        FOLDER / "capi" / "gen_functions.go": lowlevel.functions(parsed, read),
    }
