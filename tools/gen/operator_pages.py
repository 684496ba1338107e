"""The documentation's page of operators, with inputs, parameters and every language's spelling, from the library's schemas."""

import pathlib

import cpp
import julia
from go_binding import names as go
from interface import operators
from python_ops import describe, identifier
from rlang import names as r


def spellings(name):
    """[(language, how the operator is called on arrays and on symbols)]."""
    return [
        ("Python", f"`mx.nd.{identifier(name)}`, `mx.sym.{identifier(name)}`"),
        ("Julia", f"`mx.{name}`" if julia.safe(name) == name else f'`mx.var"{name}"`'),
        ("R", f"`mx.nd.{r.stem(name)}`, `mx.symbol.{r.stem(name)}`"),
        ("Go", f"`nd.{go.camel(name)}`, `sym.{go.camel(name)}`"),
        ("C++", f"`op::{cpp.identifier(name)}`"),
        ("C", f'`mxn_op_find("{name}", &op)`'),
    ]


def page(schemas):
    """Markdown: one section per operator."""
    parts = [f"# Operators\n\n{len(schemas)} operators. In Julia, Go and C++ one name serves arrays and symbols, or differs by its package.\n"]
    for op in schemas:
        aliases = f"Also: {', '.join(f'`{a}`' for a in op['aliases'])}.\n\n" if op["aliases"] else ""
        called = "; ".join(f"{language} {text}" for language, text in spellings(op["name"]))
        text = describe(op).replace("\n    ", "\n")
        parts.append(f"## {op['name']}\n\n{aliases}{called}.\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def files():
    return {pathlib.Path("docs/generated/operators.md"): page(operators.schemas())}
