"""Checks the layout of C, C++ and Python sources with pinned formatters; --update rewrites them.

clang-format and ruff come from tools/requirements.txt, never from the system, so that every machine agrees.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOOLS = pathlib.Path(sys.executable).parent
MISLAID = re.compile(r"^(?:Would reformat: (\S.*)|(\S+?):\d+:\d+: error: code should be clang-formatted.*)$", flags=re.M)


def sources(*patterns):
    """Tracked and new files that match, without those git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in set(names) if (ROOT / name).exists())


def commands(native, update, folder="."):
    """The command lines for some C and C++ files and a folder of Python files."""
    clang = ["clang-format", *(["-i"] if update else ["--dry-run", "-Werror"]), *native]
    layout = ["ruff", "format", *(["-q"] if update else ["--check"]), folder]
    return [*([clang] if native else []), layout, ["ruff", "check", "-q", *(["--fix"] if update else []), folder]]


def complaint(command):
    """What a formatter or linter says, or None: the files by name where only the layout differs."""
    tool, *arguments = command
    if not (TOOLS / tool).exists():
        return f"[{tool}] is not installed: pip install -r tools/requirements.txt"
    result = subprocess.run([TOOLS / tool, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        return None
    names = sorted({a or b for a, b in MISLAID.findall(result.stdout)})
    if not names:
        return f"[{tool}] {result.stdout[:6000].rstrip()}"
    shown = " ".join(names[:10]) + (" ..." if len(names) > 10 else "")
    return f"[{tool}] 'make format' would change {len(names)} files: {shown}"


def main():
    native = sources("*.cc", "*.h", "*.hpp", "*.c", "*.cu")
    found = [text for text in map(complaint, commands(native, "--update" in sys.argv)) if text]
    if found:
        print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
