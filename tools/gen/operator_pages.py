"""Writes docs/_build/operators.md: every operator with its inputs and parameters, from the library's schemas."""

import pathlib

from python_ops import ROOT, describe, schemas


def main():
    target = ROOT / "docs" / "_build" / "operators.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    operators = schemas()
    parts = [f"# Operators\n\n{len(operators)} operators.\n"]
    for op in operators:
        aliases = f" (also {', '.join(op['aliases'])})" if op["aliases"] else ""
        parts.append(f"## {op['name']}{aliases}\n\n{describe(op)}\n")
    target.write_text("\n".join(parts))
    print(f"{len(operators)} operators in {pathlib.Path(target).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
