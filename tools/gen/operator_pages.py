"""The documentation's page of operators, with inputs, parameters and every language's spelling, from the library's schemas."""

import pathlib
import sys

import cpp
import julia
from go_binding import names as go
from interface import operators
from python_ops import describe, identifier
from rlang import names as r

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import operator_lists  # noqa: E402


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


def coverage(schemas):
    """Markdown: how many of MXNet's operators there are, and why the others are not."""
    have, reasons = operator_lists.had(schemas), operator_lists.left_out()
    lines, out = [], []
    for version in operator_lists.VERSIONS:
        wanted = operator_lists.names(version)
        lines.append(f"- {operator_lists.sentence(version, wanted, have, reasons)}".replace("operators of", "Operators of"))
        out += [name for name in operator_lists.count(wanted, have, reasons)[1] if name not in out]
    table = "".join(f"| `{name}` | {reasons[name]} |\n" for name in sorted(out))
    return "\n".join(lines) + f"\n\n| left out | why |\n|---|---|\n{table}"


def page(schemas):
    """Markdown: one section per operator."""
    parts = [f"# Operators\n\n{len(schemas)} operators. In Julia, Go and C++ one name serves arrays and symbols, or differs by its package.\n"]
    parts.append(coverage(schemas))
    for op in schemas:
        aliases = f"Also: {', '.join(f'`{a}`' for a in op['aliases'])}.\n\n" if op["aliases"] else ""
        called = "; ".join(f"{language} {text}" for language, text in spellings(op["name"]))
        text = describe(op).replace("\n    ", "\n")
        parts.append(f"## {op['name']}\n\n{aliases}{called}.\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def files():
    return {pathlib.Path("docs/generated/operators.md"): page(operators.schemas())}
