"""Runs the fuzz targets and, with --record, adds what was run to tests/fuzz/RECORD.md.

Each target is tests/fuzz/NAME_fuzz.cc, built under ASan and UBSan by the preset "asan". A finding ends with exit code 1; the input is kept
in build/asan/findings: run NAME_fuzz on it to see the report. With --seed the same inputs come again; without, the record's sum of inputs
is the seed, so that every run sees new ones.
"""

import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "asan"
RECORD = ROOT / "tests" / "fuzz" / "RECORD.md"
ROW = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| (\w+) \| (\d+) \| (\d+) \| (.*) \|$", flags=re.M)
HEAD = "| date | target | inputs | seconds | findings |\n|---|---|---|---|---|\n"


def targets():
    return sorted(path.name[: -len("_fuzz.cc")] for path in (ROOT / "tests" / "fuzz").glob("*_fuzz.cc"))


def build(names):
    if not (BUILD / "build.ninja").exists():
        environment = pathlib.Path(sys.prefix)
        subprocess.run(["cmake", "--preset", "asan", f"-DCMAKE_PREFIX_PATH={environment}", f"-DPython3_EXECUTABLE={sys.executable}"], cwd=ROOT, check=True)
    subprocess.run(["ninja", "-C", str(BUILD), *[f"{name}_fuzz" for name in names]], check=True, stdout=subprocess.DEVNULL)


def environment():
    return {
        **os.environ,
        "ASAN_OPTIONS": "max_allocation_size_mb=512:hard_rss_limit_mb=3072:detect_leaks=1:allocator_may_return_null=0",
        "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
        "LSAN_OPTIONS": f"suppressions={ROOT / 'tests' / 'lsan.supp'}",
        "MIXNET_ENGINE": "naive",
    }


def run(name, inputs, seconds, seed):
    """(inputs done, seconds) or None after a finding."""
    findings = BUILD / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    command = [BUILD / f"{name}_fuzz", "--inputs", inputs, "--seconds", seconds, "--seed", seed, "--findings", findings]
    result = subprocess.run([str(c) for c in command], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    found = re.search(r"^(\d+) inputs, ([\d.]+) seconds, (\d+) edges$", result.stdout, flags=re.M)
    if result.returncode != 0 or not found:
        print(result.stdout[-6000:])
        print(f"{name}: FINDING, exit code {result.returncode}, input in {findings / f'{name}_fuzz-finding'}")
        return None
    print(f"{name}: {found[1]} inputs in {found[2]} s, {found[3]} edges", flush=True)
    return int(found[1]), float(found[2])


def recorded(name):
    text = RECORD.read_text() if RECORD.exists() else ""
    return sum(int(row[3]) for row in ROW.finditer(text) if row[2] == name)


def record(name, inputs, seconds):
    """Adds to today's row of the target, and renews the sums at the head of the table."""
    text = RECORD.read_text()
    today = datetime.date.today().isoformat()
    rows = [list(row.groups()) for row in ROW.finditer(text)]
    mine = next((row for row in rows if row[0] == today and row[1] == name), None)
    if mine is None:
        mine = [today, name, "0", "0", "none"]
        rows.append(mine)
    mine[2], mine[3] = str(int(mine[2]) + inputs), str(int(mine[3]) + round(seconds))
    total = sum(int(row[2]) for row in rows)
    head = re.sub(r"^Inputs so far: .*$", f"Inputs so far: {total:,}.", text.split(HEAD)[0], flags=re.M)
    RECORD.write_text(head + HEAD + "".join("| " + " | ".join(row) + " |\n" for row in rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(targets())}; all when none is given")
    parser.add_argument("--inputs", type=int, default=4000, help="inputs per target")
    parser.add_argument("--seconds", type=float, default=600, help="at most so long per target")
    parser.add_argument("--seed", type=int, help="start of the mutations")
    parser.add_argument("--record", action="store_true", help="add what was run to tests/fuzz/RECORD.md")
    parser.add_argument("--no-build", action="store_true", help="run what is built")
    options = parser.parse_args()
    names = options.targets or targets()
    if not options.no_build:
        build(names)
    failed = False
    for name in names:
        done = run(name, options.inputs, options.seconds, options.seed if options.seed is not None else recorded(name) + 1)
        failed = failed or done is None
        if done and options.record:
            record(name, *done)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
