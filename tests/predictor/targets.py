"""Compiles the one-file predictor with its driver for every target, and runs it.

A target is a compiler, its options and what runs its programs. An object is kept under the sum of its source and command, so that
only what changed is compiled; through ccache where it is there.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLCHAINS = ROOT / "tools" / "toolchains"
FOLDER = ROOT / "build" / "predictor"
DRIVER = pathlib.Path(__file__).with_name("driver.c")
STRICT = ("-Wall", "-Wextra", "-Werror")
WASM = ("-msimd128", "-fwasm-exceptions")

sys.path.insert(0, str(ROOT / "tools"))
from amalgamate import amalgamate  # noqa: E402


@dataclass(frozen=True)
class Target:
    """How one target is compiled, linked and run."""

    name: str
    cc: str
    cxx: str
    toolchain: str = ""  # the script that installs it
    options: tuple = ()
    level: str = "-O1"
    link: tuple = ("-pthread",)
    program: str = "driver"
    runner: tuple = ()
    environment: dict = field(default_factory=dict)


TARGETS = {
    t.name: t
    for t in (
        Target("native", "gcc", "g++"),
        Target("clang", "CLANG", "CLANG++", "clang"),
        Target(
            "aarch64",
            "aarch64-linux-gnu-gcc",
            "aarch64-linux-gnu-g++",
            "aarch64",
            ("-Wno-psabi",),
            link=("-static", "-pthread"),
            runner=("qemu-aarch64-static",),
        ),
        Target(
            "wasm",
            "emcc",
            "em++",
            "emscripten",
            WASM,
            link=("-fwasm-exceptions", "-s", "SINGLE_FILE=1", "-s", "NODERAWFS=1", "-s", "ALLOW_MEMORY_GROWTH=1", "-s", "EXIT_RUNTIME=1"),
            program="driver.js",
            runner=("node",),
            environment={"NODE_PATH": "/usr/share/nodejs", **({"EM_COMPILER_WRAPPER": "ccache"} if shutil.which("ccache") else {})},
        ),
    )
}


def call(command, **options):
    """The output of a command; a failure shows it."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def toolchain(name):
    """The last line of a toolchain's script and whether it succeeded."""
    done = subprocess.run(["bash", str(TOOLCHAINS / f"{name}.sh")], capture_output=True, text=True)
    return done.returncode == 0, (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1]


def resolved(target):
    """The compilers' names; Debian's clang has its version in its name, which the script tells."""
    if target.cxx != "CLANG++":
        return target.cc, target.cxx
    cxx = re.search(r"\((\S+)", toolchain("clang")[1])[1]
    return cxx.replace("clang++", "clang"), cxx


class Build:
    """One target's program. `symbols`: the symbol files whose operators it has, unless `whole`.

    The whole file takes two minutes or more of one core per target, so CI makes code of the operators that the tests' models use
    and checks the rest for warnings only; natively the whole file is compiled and run always, and everywhere in the slow tests."""

    def __init__(self, target, symbols, whole=False):
        self.target = target
        self.cc, self.cxx = resolved(target)
        self.environment = {**os.environ, **target.environment}
        self.environment.pop("EM_CACHE", None)
        self.wrapper = ["ccache"] if shutil.which("ccache") and target.name != "wasm" else []
        self.symbols = [] if whole else symbols
        self.folder = FOLDER / (target.name + ("-whole" if whole else ""))
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, folder, symbols):
        folder.mkdir(parents=True, exist_ok=True)
        source, header = amalgamate(symbols)
        for name, text in (("mixnet_predict.cc", source), ("mixnet_predict.h", header)):
            path = folder / name
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        return folder / "mixnet_predict.cc"

    def compile(self, compiler, source, options):
        """The object of a source, made only when there is none of this source and command."""
        header = source.parent / "mixnet_predict.h" if source.name == "mixnet_predict.cc" else self.folder / "mixnet_predict.h"
        command = [compiler, *self.target.options, *options]
        text = repr(command).encode() + source.read_bytes() + header.read_bytes()
        made = self.folder / f"{source.stem}-{hashlib.sha256(text).hexdigest()[:16]}.o"
        if not made.exists():
            for old in self.folder.glob(f"{source.stem}-*.o"):
                old.unlink()
            part = made.with_suffix(".part.o")
            call([*self.wrapper, *command, "-I", header.parent, "-c", source, "-o", part], env=self.environment, cwd=self.folder)
            part.rename(made)
        return made

    def check_whole(self):
        """Every line of the whole file through the compiler's warnings, without making code."""
        source = self.write(self.folder / "whole", ())
        call([self.cxx, "-std=c++17", *self.target.options, *STRICT, "-fsyntax-only", source], env=self.environment)

    def predictor(self):
        """The object of mixnet_predict.cc."""
        return self.compile(self.cxx, self.write(self.folder, self.symbols), ["-std=c++17", self.target.level, *STRICT])

    def program(self):
        """The path of the driver's program; CMake has made the native one."""
        if self.target.name == "native":
            made = ROOT / "build" / "release" / "predictor" / "predictor_driver"
            assert made.exists(), "the one-file predictor is not built: ninja -C build/release predictor"
            return made
        objects = [
            self.predictor(),
            self.compile(self.cc, DRIVER, ["-std=c11", "-O1", *STRICT, "-Wpedantic"]),
        ]
        made = self.folder / self.target.program
        if not made.exists() or any(o.stat().st_mtime > made.stat().st_mtime for o in objects):
            call([self.cxx, self.target.level, *objects, *self.target.link, "-o", made], env=self.environment, cwd=self.folder)
        return made

    def run(self, *verbs, timeout=120):
        """The driver's lines for these verbs."""
        return call([*self.target.runner, self.program(), *verbs], timeout=timeout).splitlines()
