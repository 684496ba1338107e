"""Seconds per epoch of LeNet on Fashion-MNIST in every language, beside Python's.

python benchmarks/languages.py [--languages Python C++ C Go Julia R] [--rounds 3] [--epochs 2] [--limit 0]
Each round runs every language's train_lenet once, beginning with another one; the programs measure their epochs themselves. A ratio is the median
over rounds of a language's time divided by Python's in the same round; below 1 the language is faster. A first epoch counts only where --epochs
is 1: it also makes kernels. All must print Python's loss of the first epoch, to 1e-4. A language whose program cannot be built says why.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys

import table

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
LIBRARY = os.environ.get("MIXNET_LIBRARY", str(BUILD / "release" / "libmixnet.so"))
EPOCH = re.compile(r"^epoch=\d+ loss=(\S+) accuracy=\S+ seconds=(\S+)$", re.M)
QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "5000", "MIXNET_LIBRARY": LIBRARY}


class Unavailable(Exception):
    """Why a language is not measured."""


def output(command, env=None, cwd=ROOT):
    """What a command says; Unavailable with its last line when it fails."""
    command = [str(part) for part in command]
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, env={**os.environ, **QUIET, **(env or {})})
    except OSError as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from None
    if result.returncode:
        raise Unavailable((result.stdout.strip().splitlines() or [f"exit code {result.returncode}"])[-1][:120])
    return result.stdout


def native(target, program):
    """(command, environment) of a program that CMake builds."""
    output(["cmake", "--build", BUILD / "release", "--target", target])
    return [BUILD / "release" / program], {}


def python():
    return [sys.executable, ROOT / "examples" / "python" / "train_lenet.py"], {}


def go():
    found = re.search(r"ready \((\S+), go", output(["bash", ROOT / "tools" / "toolchains" / "go.sh"]))[1]
    program = BUILD / "go" / "train_lenet_bench"
    folders = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "1", "GOCACHE": str(BUILD / "go" / "cache")}
    output([found, "build", "-o", program, "."], folders, ROOT / "examples" / "go")
    return [program], {}


def julia():
    output(["bash", ROOT / "tools" / "toolchains" / "julia.sh"])
    return ["julia", f"--project={ROOT}/bindings/julia", ROOT / "examples" / "julia" / "train_lenet.jl"], {}


def r():
    output(["sh", ROOT / "tools" / "toolchains" / "r.sh"])
    folder = BUILD / "r-bench"
    folder.mkdir(parents=True, exist_ok=True)
    env = {"MIXNET_INCLUDE": str(ROOT / "include"), "R_LIBS": str(folder)}
    output(["R", "CMD", "INSTALL", "--no-docs", f"--library={folder}", ROOT / "bindings" / "r"], env)
    return ["Rscript", ROOT / "examples" / "r" / "train_lenet.R"], env


LANGUAGES = {
    "Python": python,
    "C++": lambda: native("cpp_binding", "bindings/cpp/train_lenet"),
    "C": lambda: native("train_lenet_c", "train_lenet_c"),
    "Go": go,
    "Julia": julia,
    "R": r,
}


class Side:
    """A language's command, and what its runs have said."""

    def __init__(self, name):
        self.name, self.reason = name, None
        self.losses, self.rounds, self.accuracy = [], [], None  # rounds: seconds per epoch
        try:
            self.command, self.env = LANGUAGES[name]()
        except Unavailable as error:
            self.reason = str(error)

    def run(self, options):
        try:
            said = output([*self.command, "--epochs", options.epochs, "--limit", options.limit], self.env)
            epochs = EPOCH.findall(said)
            self.losses.append(float(epochs[0][0]))
            self.rounds.append(statistics.median(float(seconds) for _, seconds in epochs[1:] or epochs))
            self.accuracy = float(re.search(r"^test accuracy=(\S+)$", said, re.M).group(1))
        except (Unavailable, IndexError, AttributeError) as error:
            self.reason = str(error)

    def row(self, reference):
        if self.reason:
            return [self.name, self.reason, *[table.MISSING] * 3]
        ratios = [ours / theirs for ours, theirs in zip(self.rounds, reference.rounds)]
        same = not reference.losses or all(abs(loss - reference.losses[0]) < 1e-4 for loss in self.losses)
        loss = f"{self.losses[0]:.6f}" + ("" if same else " differs")
        return [self.name, f"{statistics.median(self.rounds):.2f}", table.number(statistics.median(ratios) if ratios else None), loss, f"{self.accuracy:.4f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES), choices=list(LANGUAGES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    sides = [Side(name) for name in dict.fromkeys(["Python", *options.languages])]
    for number in range(options.rounds):
        first = number % len(sides)
        for side in sides[first:] + sides[:first]:
            if not side.reason:
                side.run(options)
    columns = ["language", "seconds per epoch", "/ Python's", "loss of epoch 1", "test accuracy"]
    out = table.Table("languages", "LeNet on Fashion-MNIST, one program in every language", columns)
    for side in sides:
        out.add(side.row(sides[0]))
    out.save()


if __name__ == "__main__":
    main()
