"""Checks the text of the sources: no unfinished work, no machine paths, no file that is too long without a reason."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LONGEST = 600
CODE = {".cc", ".h", ".hpp", ".c", ".cu", ".py", ".pyi", ".txt", ".sh", ".cmake", ".in", ".toml", ".json", ""}
CODE |= {".go", ".jl", ".R", ".Rd", ".Rmd", ".java", ".js", ".html"}
PROSE = {".md", ".rst"}
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X\\b")))
MERGE = re.compile(r"<<<<<<< |>>>>>>> ")
PRIVATE = re.compile(r"(?<![\w.])/(home|root|Users)/\w")


def long_files(text):
    """{path: reason} of tools/long_files.txt."""
    return dict(line.split(": ", 1) for line in text.splitlines() if line and not line.startswith("#"))


def problems(name, text, allowed):
    """Sentences about one file; allowed: the files that may be long."""
    path, lines, found = pathlib.PurePosixPath(name), text.splitlines(), []
    data = path.suffix == ".json" or path.name == "LICENSE"
    if len(lines) > LONGEST and not data and name not in allowed:
        found.append(f"{name}: {len(lines)} lines, expected at most {LONGEST} or a reason in tools/long_files.txt")
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line) and path.suffix in CODE:
            found.append(f"{name}:{number}: unfinished work")
        if PRIVATE.search(line):
            found.append(f"{name}:{number}: a path of one machine")
        if MERGE.match(line):
            found.append(f"{name}:{number}: a mark of a merge")
    return found


def main():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    names = [n for n in names if pathlib.Path(n).suffix in CODE | PROSE and (ROOT / n).is_file()]
    allowed = long_files((ROOT / "tools" / "long_files.txt").read_text())
    found = [f"tools/long_files.txt: there is no {name}" for name in allowed if name not in names]
    found += [sentence for name in names for sentence in problems(name, (ROOT / name).read_text(errors="replace"), allowed)]
    if found:
        print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
