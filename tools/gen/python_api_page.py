"""The documentation's page of the Python API: the modules of the package, for Sphinx to read. Operators have a page of their own."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "python" / "mixnet"
LEFT_OUT = {"datasets", "gen_op", "item_random", "libinfo", "op", "operators"}  # their public names stand in the packages around them


def modules(package):
    """Dotted names of the modules that users may import from."""
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if len(parts) > 1 and not any(part.startswith("_") or part in LEFT_OUT for part in parts):
            found.append(".".join(parts))
    return found


def page(names):
    """Markdown: a section per part of the package, in it its modules."""
    parts, section = ["# Python API\n\nWhat `import mixnet as mx` offers besides the operators.\n"], None
    for name in names:
        if name.split(".")[1] != section:
            section = name.split(".")[1]
            parts.append(f"## mixnet.{section}\n")
        parts.append(f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n")
    return "\n".join(parts)


def files():
    return {pathlib.Path("docs/generated/python_api.md"): page(modules(PACKAGE))}
