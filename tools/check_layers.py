"""Fails when a file includes a module that its own may not: tools/layers.txt is the table. Usage: check_layers.py [folder]."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUFFIXES = {".h", ".hpp", ".cc", ".cpp", ".c", ".cu", ".cuh"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', flags=re.M)


def read_table(text):
    """{module: set of modules it may include}; a module must stand below those it names."""
    table = {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        module, allowed = line.split(":")
        above = [other for other in allowed.split() if other not in table and other != "mixnet"]
        if above:
            raise SystemExit(f"[layers.txt] {module}: {', '.join(above)} must stand above it")
        table[module.strip()] = set(allowed.split()) | {module.strip()}
    return table


def module_of(path):
    """The module of a path relative to src: op/core is one, every other family of op is `op`."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] == "op":
        return "op/core" if parts[1] == "core" else "op"
    return parts[0]


def includes(text, table):
    """Paths of the includes that are ours: every quoted one, and bracketed ones that name a module."""
    for quoted, bracketed in INCLUDE.findall(text):
        if quoted or bracketed.split("/")[0] in {module.split("/")[0] for module in table} | {"mixnet"}:
            yield quoted or bracketed


def complaint(path, include, table):
    """What is wrong with one include of a file, or None."""
    if "/" not in include or ".." in include.split("/"):
        return f"{path}: include {include} by its path from src"
    module, other = module_of(path), module_of(include)
    if other not in table[module]:
        return f"{path}: {module} may not include {include}"
    family = path.split("/")[1]
    if module == other == "op" and include.split("/")[1] != family:
        return f"{path}: operator family {family} may not include {include}"
    return None


def violations(source, table):
    """Sentences, one per forbidden include."""
    found = []
    for file in sorted(source.rglob("*")):
        if file.suffix not in SUFFIXES:
            continue
        path = file.relative_to(source).as_posix()
        if "/" not in path or module_of(path) not in table:
            found.append(f"{path}: module {module_of(path)} is not in layers.txt")
            continue
        wrong = [complaint(path, include, table) for include in includes(file.read_text(), table)]
        found += [sentence for sentence in wrong if sentence]
    return found


def main():
    table = read_table((ROOT / "tools" / "layers.txt").read_text())
    found = violations(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "src", table)
    if found:
        print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
