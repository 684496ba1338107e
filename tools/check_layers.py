"""Fails when a file includes a module that its own may not: tools/layers.txt is the table."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def read_table(text):
    """{module: set of modules it may include}."""
    table = {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line:
            module, allowed = line.split(":")
            table[module.strip()] = set(allowed.split()) | {module.strip()}
    return table


def module_of(path):
    """The module of a path relative to src: op/core is one, every other family of op is `op`."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] == "op":
        return "op/core" if parts[1] == "core" else "op"
    return parts[0]


def violations(source, table):
    """Sentences, one per forbidden include."""
    found = []
    for file in sorted(source.rglob("*")):
        if file.suffix not in (".h", ".cc", ".cu"):
            continue
        path = file.relative_to(source).as_posix()
        module = module_of(path)
        if module not in table:
            found.append(f"{path}: module {module} is not in layers.txt")
            continue
        for include in re.findall(r'^\s*#include "([^"]+)"', file.read_text(), flags=re.M):
            if "/" not in include:
                found.append(f"{path}: include {include} by its path from src")
                continue
            other = module_of(include)
            family = path.split("/")[1] if module == "op" else None
            if other not in table[module]:
                found.append(f"{path}: {module} may not include {include}")
            elif module == "op" and other == "op" and include.split("/")[1] != family:
                found.append(f"{path}: operator family {family} may not include {include}")
    return found


def main():
    table = read_table((ROOT / "tools" / "layers.txt").read_text())
    found = violations(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "src", table)
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
