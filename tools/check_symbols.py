"""Checks the built library: its exports are the header's functions, and nothing of ours ends the process or prints.

Usage: check_symbols.py [build folder]. std::terminate is allowed: the compiler calls it in the destructor of std::thread.
"""

import pathlib
import re
import subprocess
import sys

from check_abi import HEADERS

ROOT = pathlib.Path(__file__).resolve().parents[1]
ENDING = {"abort", "exit", "_exit", "_Exit", "quick_exit", "raise", "kill", "__assert_fail"}
PRINTING = {"printf", "vprintf", "puts", "putchar", "fprintf", "vfprintf", "perror", "psignal"}
PRINTING |= {"__printf_chk", "__fprintf_chk", "__vprintf_chk", "__vfprintf_chk", "stdout", "stderr"}
STREAMS = {"_ZSt4cout", "_ZSt4cerr", "_ZSt4clog", "_ZSt5wcout", "_ZSt5wcerr", "_ZSt5wclog"}
FORBIDDEN = ENDING | PRINTING | STREAMS


def names(*arguments):
    """Symbols that nm lists, without their versions."""
    output = subprocess.run(["nm", *map(str, arguments)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines() if line.split() and not line.endswith(":")}


def export_problems(header, exported):
    """Sentences about exports that the header does not declare, and the other way round."""
    declared = set(re.findall(r"^MXN_API [^;(]*?\b(mxn_\w+)\(", header, flags=re.M))
    found = [f"exported, but not in the header: {n}" for n in sorted(exported - declared)]
    return found + [f"in the header, but not exported: {n}" for n in sorted(declared - exported)]


def object_problems(objects):
    """Sentences about object files that use what a library must not."""
    used = [(path, names("--undefined-only", path) & FORBIDDEN) for path in objects]
    return [f"{path.name} uses {', '.join(sorted(symbols))}" for path, symbols in used if symbols]


def main():
    build = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "release"
    objects = sorted((build / "CMakeFiles" / "mixnet_objects.dir").rglob("*.o"))
    header = "".join(path.read_text() for path in HEADERS)
    found = export_problems(header, names("-D", "--defined-only", build / "libmixnet.so"))
    found += object_problems(objects) if objects else [f"{build}: no object files"]
    if found:
        print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
