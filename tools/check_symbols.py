"""Checks the built library: its exports are the header's functions, and nothing of ours ends the process or prints."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "release"
FORBIDDEN = {"abort", "exit", "_exit", "quick_exit", "printf", "vprintf", "puts", "putchar",
             "fprintf", "vfprintf", "perror", "__printf_chk", "__fprintf_chk"}


def names(*arguments):
    output = subprocess.run(["nm", *map(str, arguments)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines() if line.split() and not line.endswith(":")}


def main():
    header = (ROOT / "include" / "mixnet" / "c_api.h").read_text()
    declared = set(re.findall(r"^MXN_API [^(]*?\b(mxn_\w+)\(", header, flags=re.M))
    exported = names("-D", "--defined-only", BUILD / "libmixnet.so")
    found = [f"exported, but not in the header: {n}" for n in sorted(exported - declared)]
    found += [f"in the header, but not exported: {n}" for n in sorted(declared - exported)]
    for path in sorted((BUILD / "CMakeFiles" / "mixnet_objects.dir").rglob("*.o")):
        used = names("--undefined-only", path) & FORBIDDEN
        if used:
            found.append(f"{path.name} calls {', '.join(sorted(used))}")
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
