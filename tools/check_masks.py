"""Looks for masked loads that GCC 12 gets wrong: check_masks.py [library or object ...], the built library if none is named.

With -O3 -fno-trapping-math and AVX2, `sum[k] += x[k] <= 0 ? y[k] * x[k] : 0` over more elements than a register holds loads every part of y with the mask of
the first (12.2.0; right with -ftrapping-math). What that looks like: two loads from places beside each other with one mask, which nothing
computed anew between them. The remedy is to load y whatever x is. Exits with 1 where there is one. Needs objdump.
"""

import pathlib
import re
import subprocess
import sys

LIBRARY = pathlib.Path(__file__).resolve().parents[1] / "build" / "release" / "libmixnet.so"
LOAD = re.compile(r"^v(?:p?maskmov\w+)\s+(-?(?:0x[0-9a-f]+)?)\(([^)]*)\),(%[xyz]mm\d+),%[xyz]mm\d+$")
TARGET = re.compile(r"(%[xyz]mm\d+)$")


def number(register):
    return int(re.search(r"\d+", register).group())


def suspects(lines):
    """The instructions, a line each as objdump prints them, that load with another load's mask."""
    found, masks = [], {}
    for line in lines:
        if line.endswith(">:"):
            masks = {}
        parts = line.split("\t")
        if len(parts) < 2:
            continue
        instruction = " ".join(parts[1].split())
        load = LOAD.match(instruction)
        if load:
            place, base, mask = load.groups()
            before = masks.setdefault(number(mask), {})
            if base in before and before[base] != place and "%rsp" not in base:
                found.append(line.strip())
            before[base] = place
        target = TARGET.search(instruction)
        if target:
            masks.pop(number(target.group()), None)
        # Whoever changes a base makes another place of it.
        moved = re.search(r",(%r\w+)$", instruction)
        if moved:
            for known in masks.values():
                for base in [b for b in known if moved.group(1) in b]:
                    del known[base]
    return found


def main():
    failed = False
    for name in sys.argv[1:] or [LIBRARY]:
        text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", name], check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in suspects(text.splitlines()):
            failed = True
            print(f"{name}: {line}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
