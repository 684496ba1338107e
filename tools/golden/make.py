"""Writes tests/data/golden anew: files of five releases of Apache MXNet with what these computed from them.

Every release runs write.py in its own environment (tools/oracle.py). The files of generation A, which no wheel writes, are written by hand in
legacy.py; 1.9.1 reads them and says what they mean. See tests/data/golden/README.md for what is there.
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "golden"
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "golden")]

import legacy  # noqa: E402
import oracle  # noqa: E402


def run(version, script, *arguments):
    python, variables = oracle.command(version)
    subprocess.run([*python, str(ROOT / "tools" / "golden" / script), *map(str, arguments)], env=variables, check=True)


def main():
    for version in (*oracle.WHEELS, oracle.NEWEST):
        place = GOLDEN / version
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        run(version, "write.py", place)
        print(f"{version}: {sum(1 for _ in place.iterdir())} files", flush=True)
    place = GOLDEN / "legacy"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, text in legacy.files().items():
        (place / f"{name}-symbol.json").write_text(text)
        run(oracle.NEWEST, "run_legacy.py", place, name)
    run(oracle.NEWEST, "records.py", ROOT / "tests" / "data" / "records")
    run(oracle.NEWEST, "image_functions.py", ROOT / "tests" / "data" / "mx_image")
    run(oracle.NEWEST, "gluon_blocks.py", ROOT / "tests" / "data" / "gluon")
    size = sum(path.stat().st_size for path in GOLDEN.rglob("*") if path.is_file())
    print(f"{size / 1024:.0f} KiB in all")


if __name__ == "__main__":
    main()
