"""Writes the one-file predictor: python tools/amalgamate.py [--out FOLDER] [--symbol NAME-symbol.json ...].

mixnet_predict.cc is the library from base to the predictor's C functions in one C++17 file that needs nothing else, and
mixnet_predict.h is include/mixnet/c_predict.h. Files come in the order of tools/layers.txt, each include of ours is replaced by the
file at its first mention. Blocks from `//[full` to `//]` (gradients, documentation, samples, writing of files) are left out, and so
are the files in LEFT_OUT. With --symbol only the operators that these models use are kept.
"""

import argparse
import json
import pathlib
import re

from check_layers import read_table
from gen_op_table import table

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
MODULES = ("base", "device", "engine", "storage", "op", "ndarray", "symbol", "pass", "executor", "predictor")
# What a predictor never reaches: threads of the engine, training, other ways in.
LEFT_OUT = (
    "base/cache.",
    "base/plugin_library.",
    "device/collectives.",
    "device/cuda/",
    "device/emulated/",
    "device/gpu.",
    "device/kernel_compiler.",
    "device/kernel_files.",
    "device/library.",
    "device/nccl.",
    "device/no_gpu.cc",
    "device/nvrtc.",
    "device/runtime_compiler.",
    "device/staging.",
    "device/stopwatch.h",
    "device/stream_device.",
    "device/stream_graph.",
    "device/watcher.",
    "engine/threaded_engine.cc",
    "engine/worker_lane.",
    "engine/ready_queue.h",
    "engine/trace.",
    "executor/branch_plan.",
    "executor/executor.",
    "executor/invoke.",
    "executor/simple_bind.cc",
    "executor/user_kernels.",
    "executor/arena.h",
    "executor/plan_graphs.",
    "executor/step_graphs.",
    "ndarray/dlpack.",
    "pass/attention.",
    "pass/body_gradient.",
    "pass/gradient.",
    "pass/norm_tails.",
    "pass/quantize.",
    "op/codec/",
    "op/core/gpu/",
    "op/optimizer/",
)
C_API = ("c_api/guard.cc", "c_api/predictor.cc")
MADE = re.compile(r'(?:\bmake|\bregistry\(\)\.at)\("([A-Za-z_]\w*)"')
# Layers on 8-bit numbers are joined by a pass of their own, whose operators only models with such layers need.
JOINED, JOINING = re.compile(r'\b(?:put|derive)\("([A-Za-z_]\w*)"'), "pass/int8_layers.cc"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
SYSTEM = re.compile(r"^#\s*include\s*<[^>]+>")


class Amalgamation:
    """Text of the file being put together; every one of our files enters once."""

    def __init__(self):
        self.lines = []
        self.seen = set()
        self.system = set()  # unconditional includes, put at the top

    def add(self, path):
        """Appends a file of src with its includes before it."""
        if path in self.seen:
            return
        self.seen.add(path)
        if any(path.startswith(prefix) for prefix in LEFT_OUT):
            raise SystemExit(f"[amalgamate] {path} is left out of the predictor, but {self.lines[-1] if self.lines else 'nothing'} needs it")
        body, depth = [], 0
        for line in without_full_blocks(path, (SOURCE / path).read_text()).splitlines():
            depth += line.startswith("#if") - line.startswith("#endif")
            ours = INCLUDE.match(line)
            if ours:
                if ours[1] != "mixnet/c_predict.h":
                    self.add(ours[1])
            elif depth == 0 and SYSTEM.match(line):
                self.system.add(line)
            elif line.strip() != "#pragma once":
                body.append(line)
        self.lines += [f"// ---- {path} ----", *body]


def without_full_blocks(path, text):
    """The text without the blocks that only the whole library has; a forgotten mark is an error."""
    kept, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        mark = line.strip()
        if mark == "//[full" or mark == "//]":
            if inside == (mark == "//[full"):
                raise SystemExit(f"[amalgamate] {path}:{number}: {mark} without its counterpart")
            inside = not inside
        elif not inside:
            kept.append(line)
    if inside:
        raise SystemExit(f"[amalgamate] {path}: //[full is not closed")
    return "\n".join(kept)


def operators_in(graph):
    """The operators of a graph and of the graphs that its nodes carry."""
    names = {node["op"] for node in graph["nodes"] if node["op"] != "null"}
    return names.union(*(operators_in(inner) for node in graph["nodes"] for inner in node.get("subgraphs", [])))


def made_by_passes():
    """Names of the operators that binding puts into graphs itself: copies before outputs, what folds BatchNorm into weights."""
    paths = [p for module in ("pass", "executor") for p in (SOURCE / module).iterdir()]
    return {name for p in paths if not p.relative_to(SOURCE).as_posix().startswith(LEFT_OUT) for name in MADE.findall(p.read_text())}


def operators_of(symbols):
    """Names of the operators that a predictor of these symbol.json files needs."""
    names = made_by_passes()
    for path in symbols:
        names |= operators_in(json.loads(pathlib.Path(path).read_text()))
    if any(name.startswith("_contrib_quantized_") for name in names):
        names |= set(JOINED.findall((SOURCE / JOINING).read_text()))
    return names


def select(files, names):
    """The operator files that have one of the names, and those of the operators that these look up; every name must be found."""
    texts = {file: without_full_blocks(file, (SOURCE / file).read_text()) for file in files}
    own = {file: MADE.sub("", text) for file, text in texts.items()}
    wanted, missing, seen = set(), set(names), set()
    while missing:
        name = min(missing)
        found = {file for file, text in own.items() if f'"{name}"' in text}
        if not found:
            raise SystemExit(f"[amalgamate] no operator file mentions '{name}'")
        wanted |= found
        seen.add(name)
        missing = (missing | {n for file in found for n in MADE.findall(texts[file])}) - seen
    return [file for file in files if file in wanted]


def sources(folder):
    """The C++ files of a folder that belong to the predictor, by their paths from src."""
    paths = sorted(p.relative_to(SOURCE).as_posix() for p in (SOURCE / folder).rglob("*.cc"))
    return [p for p in paths if not p.endswith(".dnnl.cc") and not p.startswith(LEFT_OUT)]


def amalgamate(symbols=()):
    """(text of mixnet_predict.cc, text of mixnet_predict.h)."""
    version = (ROOT / "VERSION").read_text().strip()
    order = [m for m in read_table((ROOT / "tools" / "layers.txt").read_text()) if m in MODULES]
    result = Amalgamation()
    operators = [p for p in sources("op") if not p.startswith("op/core/")]
    if symbols:
        operators = select(operators, operators_of(symbols))
    for module in order:
        for path in sources("op/core") + operators if module == "op" else sources(module):
            result.add(path)
    result.lines += ["// ---- table of operators ----", table([pathlib.Path(p) for p in operators]).replace('#include "op/core/registry.h"\n', "")]
    for path in C_API:
        result.add(path)
    header = (ROOT / "include" / "mixnet" / "c_predict.h").read_text()
    head = [
        f"// mixnet {version}: the predictor in one file, written by tools/amalgamate.py; do not edit. Compile it as C++17, with threads where",
        "// there are any: c++ -std=c++17 -O3 -c mixnet_predict.cc. The functions are declared in mixnet_predict.h. License: Apache-2.0.",
        "#define MIXNET_PREDICTOR 1",
        f'#define MIXNET_VERSION "{version}"',
        '#include "mixnet_predict.h"',
        *sorted(result.system),
    ]
    return "\n".join(head + result.lines) + "\n", header


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "predictor")
    parser.add_argument("--symbol", nargs="*", default=[], help="keep only the operators of these symbol.json files")
    options = parser.parse_args()
    source, header = amalgamate(options.symbol)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "mixnet_predict.cc").write_text(source)
    (options.out / "mixnet_predict.h").write_text(header)
    print(f"{options.out / 'mixnet_predict.cc'}: {source.count(chr(10))} lines")


if __name__ == "__main__":
    main()
