"""Counts which operators of MXNet 0.9.5 and 1.9.1 the library has, under their names.

The names are in tests/data/operators_VERSION.txt; those that stay out on purpose, each with its reason, in tests/data/operators_left_out.txt.
Prints a line for each version and exits with 1 when an operator is missing that has no reason. The library must be built.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
VERSIONS = ("0.9.5", "1.9.1")
# Operators that carry graphs are no functions of the schemas: these of mx.sym.contrib make them.
WITH_GRAPHS = {"_foreach": "foreach", "_while_loop": "while_loop", "_cond": "cond"}


def names(version):
    return (DATA / f"operators_{version}.txt").read_text().split()


def left_out():
    """{name: reason}"""
    lines = [line for line in (DATA / "operators_left_out.txt").read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(": ", 1) for line in lines)


def count(wanted, have, reasons):
    """(number of `wanted` that are in `have`, those left out for a reason, those missing without one)."""
    missing = [name for name in wanted if name not in have]
    return len(wanted) - len(missing), [n for n in missing if n in reasons], [n for n in missing if n not in reasons]


def sentence(version, wanted, have, reasons):
    found, out, missing = count(wanted, have, reasons)
    text = f"operators of MXNet {version}: {found} of {len(wanted)}"
    text += f", {len(out)} left out on purpose" if out else ""
    return text + (f"; missing without a reason: {' '.join(missing)}" if missing else "")


def had(schemas):
    """Names of the library's operators."""
    import mixnet

    named = {name for op in schemas for name in (op["name"], *op["aliases"])}
    return named | {name for name, function in WITH_GRAPHS.items() if hasattr(mixnet.sym.contrib, function)}


def main():
    sys.path.insert(0, str(ROOT / "tools" / "gen"))
    from interface import operators

    have, failed = had(operators.schemas()), False
    for version in VERSIONS:
        print(sentence(version, names(version), have, left_out()))
        failed = failed or bool(count(names(version), have, left_out())[2])
    sys.exit(failed)


if __name__ == "__main__":
    main()
