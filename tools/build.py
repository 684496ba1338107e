"""Configures and builds one preset: python tools/build.py [release|debug|asan|tsan|cuda] [targets].

Configures when there is no build folder yet, when its Python has moved, or when CMakePresets.json changed. Exits with
ninja's code; quiet but for the progress line and the output of what fails.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def configure(preset):
    """The command that configures a preset with this environment's Python and oneDNN."""
    prefix = f"-DCMAKE_PREFIX_PATH={pathlib.Path(sys.prefix)}"
    return ["cmake", "--preset", preset, prefix, f"-DPython3_EXECUTABLE={sys.executable}"]


def stale(folder):
    """Whether a build folder must be configured from scratch, because it belongs to another environment."""
    cache = folder / "CMakeCache.txt"
    if not cache.exists() or not (folder / "build.ninja").exists():
        return True
    return f"Python3_EXECUTABLE:FILEPATH={sys.executable}\n" not in cache.read_text().replace(":UNINITIALIZED=", ":FILEPATH=")


def build(preset, targets=(), show=True):
    """(exit code, output) of configuring where needed and building."""
    folder = ROOT / "build" / preset
    presets = ROOT / "CMakePresets.json"
    if stale(folder) or presets.stat().st_mtime > (folder / "CMakeCache.txt").stat().st_mtime:
        (folder / "CMakeCache.txt").unlink(missing_ok=True)
        made = subprocess.run(configure(preset), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            return made.returncode, made.stdout
    ninja = ["ninja", "-C", str(folder), *targets]
    if show and sys.stdout.isatty():
        return subprocess.run(ninja, cwd=ROOT).returncode, ""
    made = subprocess.run(ninja, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = made.stdout.splitlines()
    return made.returncode, made.stdout if made.returncode else "\n".join(lines[-1:])


def main():
    preset, *targets = sys.argv[1:] or ["release"]
    code, output = build(preset, targets)
    if output:
        print(output[-12000:])
    sys.exit(code)


if __name__ == "__main__":
    main()
