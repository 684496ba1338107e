"""Compares operators with Apache MXNet 1.9.1, run beside this in an environment of its own (tools/oracle.py), on random inputs.

Every sample of every operator that both have: outputs, gradients with random head gradients, and what is changed in place; of random operators the mean
and the deviation. Prints a table of what differs and a count. Differences that known.txt explains (mistakes of MXNet, listed with an example in
docs/guide/differences.md) are counted apart; others make the exit code 1.

    python tools/agreement/run.py [OPERATOR ...] [--all]
"""

import argparse
import collections
import pathlib
import pickle
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bindings" / "python"), str(ROOT / "tools"), str(pathlib.Path(__file__).resolve().parent)]

import cases as made  # noqa: E402
import oracle  # noqa: E402
import ours  # noqa: E402

KNOWN = pathlib.Path(__file__).with_name("known.txt")


def known():
    """{operator: why it differs}"""
    lines = KNOWN.read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def theirs(cases):
    """MXNet's results, in order. One that ends its process is {"error": ...}."""
    python, variables = oracle.command()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "cases", pathlib.Path(folder) / "results"
        source.write_bytes(pickle.dumps(cases, protocol=4))
        while len(results) < len(cases):
            target.unlink(missing_ok=True)
            program = [*python, str(pathlib.Path(__file__).with_name("theirs.py")), str(source), str(target), str(len(results))]
            why = watched(program, variables, target)
            results += read(target)
            if len(results) < len(cases):
                case = cases[len(results)]
                print(f"MXNet's process ended in {case['name']} {case['parameters']}: {why}", file=sys.stderr, flush=True)
                results.append({"error": f"MXNet's process ended: {why}"})
    return results


def watched(program, variables, target, patience=60):
    """Runs MXNet until it ends, or has given no result for `patience` seconds. Returns the last words."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(program, env=variables, stdout=subprocess.DEVNULL, stderr=log)
        seen, since = -1, time.monotonic()
        while process.poll() is None:
            size = target.stat().st_size if target.exists() else 0
            if size != seen:
                seen, since = size, time.monotonic()
            if time.monotonic() - since > patience:
                process.kill()
                process.wait()
                return f"no result in {patience} seconds"
            time.sleep(0.2)
        log.seek(0)
        return (log.read().strip().splitlines() or ["no message"])[-1][:120]


def read(path):
    found = []
    with open(path, "rb") if path.exists() else open("/dev/null", "rb") as file:
        while True:
            try:
                found.append(pickle.load(file))
            except (EOFError, pickle.UnpicklingError):
                return found


def array(packed):
    shape, dtype, data = packed
    return np.frombuffer(data, dtype).reshape(shape)


def difference(found, expected):
    """None, or what differs."""
    if found.shape != expected.shape:
        return f"shape {found.shape}, MXNet {expected.shape}"
    if found.dtype != expected.dtype:
        return f"dtype {found.dtype}, MXNet {expected.dtype}"
    relative, absolute = (2e-3, 1e-3) if found.dtype == np.float16 else (2e-4, 2e-5)
    if not np.allclose(found, expected, rtol=relative, atol=absolute, equal_nan=True):
        at = np.unravel_index(np.nanargmax(np.abs(np.nan_to_num(found.astype(float)) - np.nan_to_num(expected.astype(float)))), found.shape)
        return f"{found[at]:.6g} at {tuple(map(int, at))}, MXNet {expected[at]:.6g}"
    return None


def moments_differ(found, expected):
    """Of draws: None, or what differs. Of a few draws only the dtype and the shape can be compared."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return difference(found, expected)
    a, b = found.astype(float), expected.astype(float)
    if a.size < 1000:
        return None
    spread = max(a.std(), b.std(), 1e-12)
    if abs(a.mean() - b.mean()) > 6 * spread * (2 / a.size) ** 0.5 + 1e-6:
        return f"mean {a.mean():.4g}, MXNet {b.mean():.4g}"
    return f"deviation {a.std():.4g}, MXNet {b.std():.4g}" if abs(a.std() - b.std()) > 0.15 * spread + 1e-6 else None


def compared(case, expected):
    """Sentences about a case: what differs."""
    try:
        found = ours.run(case)
    except Exception as error:  # an operator's error is a difference like others
        return [f"raises {type(error).__name__}: {error}"]
    same = moments_differ if case["random"] else difference
    problems = []
    if len(found["outputs"]) != len(expected["outputs"]):
        return [f"{len(found['outputs'])} outputs, MXNet {len(expected['outputs'])}"]
    for kind in ("outputs", "inputs"):
        for i, value in enumerate(expected[kind]):
            problem = same(found[kind][i], array(value))
            problems += [f"{kind[:-1]} {i}{' afterwards' if kind == 'inputs' else ''}: {problem}"] if problem else []
    for i, value in expected["gradients"].items():
        problem = difference(found["gradients"][i], array(value))
        problems += [f"gradient {i}: {problem}"] if problem else []
    return problems


class Row:
    """What is known about one operator."""

    def __init__(self):
        self.cases = self.refused = self.gradients = 0
        self.problems, self.refusals = [], []


def table(cases, results):
    """{operator: Row}"""
    rows = collections.OrderedDict()
    for case, expected in zip(cases, results):
        row = rows.setdefault(case["name"], Row())
        if "error" in expected:
            row.refused += 1
            row.refusals.append(expected["error"])
            continue
        row.cases += 1
        row.gradients += bool(expected["gradients"])
        problems = compared(case, expected)
        shapes = " ".join(str(shape) for shape, _, _ in case["inputs"])
        row.problems += [f"{shapes} {case['parameters']}: {problem}" for problem in problems]
    return rows


def report(rows, reasons, everything):
    """Prints the table; returns the operators that differ without a reason."""
    agreeing = [n for n, r in rows.items() if r.cases and not r.problems]
    explained = [n for n, r in rows.items() if r.problems and n in reasons]
    open_ones = [n for n, r in rows.items() if r.problems and n not in reasons]
    refused = [n for n, r in rows.items() if not r.cases]
    print(f"{'operator':40} cases gradients differences")
    for name, row in rows.items():
        if everything or row.problems or not row.cases:
            print(f"{name:40} {row.cases:5} {row.gradients:9} {len(row.problems)}")
            for line in (row.problems or ([] if row.cases else row.refusals))[: 100 if everything else 4]:
                print(f"    {line[:300]}")
    cases, gradients = (sum(getattr(rows[n], what) for n in agreeing) for what in ("cases", "gradients"))
    print(f"{len(agreeing)} operators agree with MXNet 1.9.1 in {cases} cases, {gradients} of them with gradients; {len(explained)} differ for a known reason")
    print(f"differ without a reason: {' '.join(open_ones) or 'none'}; refused by MXNet in every case: {' '.join(refused) or 'none'}")
    return open_ones


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("operators", nargs="*", metavar="OPERATOR", help="all when none is given")
    parser.add_argument("--all", action="store_true", help="print those that agree too, and every difference")
    options = parser.parse_args()
    cases = made.cases(made.samples(), options.operators)
    rows = table(cases, theirs(cases))
    sys.exit(bool(report(rows, known(), options.all)))


if __name__ == "__main__":
    main()
