"""Checks the text of the sources: no unfinished work, no machine paths, no file that is too long without a reason."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LONGEST = 600
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X\\b")))

PRIVATE = re.compile(r"(?<![\w.])/(home|root|Users)/\w")


def long_files():
    """{path: reason} of tools/long_files.txt."""
    lines = (ROOT / "tools" / "long_files.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def main():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    allowed, found = long_files(), []
    for name in filter(None, files):
        path = ROOT / name
        if path.suffix not in (".cc", ".h", ".c", ".cu", ".py", ".pyi", ".txt", ".sh", ".md") or not path.exists():
            continue
        lines = path.read_text().splitlines()
        generated = path.name.startswith("gen_op.")
        if len(lines) > LONGEST and not generated and name not in allowed:
            found.append(f"{name}: {len(lines)} lines, expected at most {LONGEST} or a reason in tools/long_files.txt")
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line) and path.suffix != ".md":
                found.append(f"{name}:{number}: unfinished work")
            if PRIVATE.search(line):
                found.append(f"{name}:{number}: a path of one machine")
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
