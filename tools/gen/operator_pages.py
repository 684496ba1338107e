"""The documentation's page of operators, with inputs and parameters, from the library's schemas."""

import pathlib

from interface.operators import schemas
from python_ops import describe


def page(operators):
    """Markdown: one section per operator."""
    parts = [f"# Operators\n\n{len(operators)} operators, as functions of `mx.nd` and `mx.sym`.\n"]
    for op in operators:
        aliases = f"Also: {', '.join(f'`{a}`' for a in op['aliases'])}.\n\n" if op["aliases"] else ""
        parts.append(f"## {op['name']}\n\n{aliases}```text\n{describe(op).replace(chr(10) + '    ', chr(10))}\n```\n")
    return "\n".join(parts)


def files():
    return {pathlib.Path("docs/generated/operators.md"): page(schemas())}
