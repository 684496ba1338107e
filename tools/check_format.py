"""Checks the layout of C, C++ and Python sources with pinned formatters; --update rewrites them.

clang-format and ruff come from tools/requirements.txt, never from the system, so that every machine agrees.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOOLS = pathlib.Path(sys.executable).parent


def sources(*patterns):
    """Tracked and new files that match, without those git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in set(names) if (ROOT / name).exists())


def commands(update):
    """The formatters' command lines."""
    native = sources("*.cc", "*.h", "*.c", "*.cu")
    clang = [TOOLS / "clang-format", *(["-i"] if update else ["--dry-run", "-Werror"]), *native]
    ruff = TOOLS / "ruff"
    layout = [ruff, "format", "-q", *([] if update else ["--check"]), "."]
    return [clang, layout, [ruff, "check", "-q", *(["--fix"] if update else []), "."]]


def main():
    failed = False
    for command in commands("--update" in sys.argv):
        result = subprocess.run([str(c) for c in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            failed = True
            print(f"[{pathlib.Path(command[0]).name}] run 'make format':\n{result.stdout[:6000]}".rstrip())
    sys.exit(failed)


if __name__ == "__main__":
    main()
