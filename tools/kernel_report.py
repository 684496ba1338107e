"""What the machine code of kernels says, without a GPU: python tools/kernel_report.py [LIBRARY] [--match WORDS] [--narrow]

A line per kernel of LIBRARY (build/cuda/libmixnet.so; or a .cubin, or an object file): registers per thread, bytes of stack (arrays in slow memory) and of
shared memory, instructions, bytes of the widest load from and store to device memory, functions called (divisions, some functions of <cmath>). --match: kernels
whose name has all of these words. --narrow: those without an access of 16 bytes. The last line counts. Needs cuobjdump and nvdisasm:
pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys

import cuda_tool

ROOT = pathlib.Path(__file__).resolve().parents[1]
INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,6}\*/\s+(?:@!?U?P[T\d]+ )?([A-Z][A-Z0-9_.]*)")
SIZES = {"U8": 1, "S8": 1, "U16": 2, "S16": 2, "64": 8, "128": 16}
NOISE = re.compile(r"mixnet::|\(anonymous namespace\)::|cub::[A-Z0-9_]+::")

Kernel = collections.namedtuple("Kernel", "name registers stack shared instructions load store calls")


def access(word):
    """("LDG" or "STG", bytes) of an instruction's word, None where it is another."""
    kind, *parts = word.split(".")
    return (kind, next((SIZES[part] for part in parts if part in SIZES), 4)) if kind in ("LDG", "STG") else None


def resources(text):
    """{kernel: {"REG": ..., "STACK": ..., "SHARED": ...}} of what cuobjdump --dump-resource-usage says."""
    found = re.findall(r"Function (\S+):\s*\n\s*(.*)", text)
    return {name: {key: int(value) for key, value in re.findall(r"(\w+):(\d+)", rest)} for name, rest in found}


def kernels(lines, use):
    """Kernels of what cuobjdump -sass says, line by line."""
    name, words = None, collections.Counter()

    def made():
        widest = collections.Counter()
        for kind, size in filter(None, map(access, words)):
            widest[kind] = max(widest[kind], size)
        of = use.get(name, {})
        count = sum(n for word, n in words.items() if word != "NOP")
        calls = sum(n for word, n in words.items() if word.startswith("CALL"))
        return Kernel(name, of.get("REG", 0), of.get("STACK", 0), of.get("SHARED", 0), count, widest["LDG"], widest["STG"], calls)

    for line in lines:
        if "Function :" in line:
            if name:
                yield made()
            name, words = line.split(":", 1)[1].strip(), collections.Counter()
        elif found := INSTRUCTION.match(line):
            words[found[1]] += 1
    if name:
        yield made()


def plain(names):
    """Names as people write them, short."""
    told = subprocess.run(["c++filt", "-p"], input="\n".join(names), stdout=subprocess.PIPE, text=True, check=True).stdout
    return [NOISE.sub("", name) for name in told.splitlines()]


def read(program, library):
    """All kernels of a file."""
    use = subprocess.run([str(program), "--dump-resource-usage", str(library)], stdout=subprocess.PIPE, text=True, check=True).stdout
    with subprocess.Popen([str(program), "-sass", str(library)], stdout=subprocess.PIPE, text=True) as said:
        found = list(kernels(said.stdout, resources(use)))
    return [kernel._replace(name=name) for kernel, name in zip(found, plain([kernel.name for kernel in found]))]


def report(found, words, narrow):
    """The lines to print."""
    chosen = [kernel for kernel in found if all(word in kernel.name for word in words)]
    wide = [kernel for kernel in chosen if 16 in (kernel.load, kernel.store)]
    lines = ["registers  stack  shared  instructions  load  store  calls  kernel"]
    for k in sorted(chosen):
        if not narrow or k not in wide:
            lines.append(f"{k.registers:9d}  {k.stack:5d}  {k.shared:6d}  {k.instructions:12d}  {k.load:4d}  {k.store:5d}  {k.calls:5d}  {k.name}")
    stacks = sum(kernel.stack > 0 for kernel in chosen)
    most = max((kernel.registers for kernel in chosen), default=0)
    return [*lines, f"{len(chosen)} kernels, {len(wide)} with accesses of 16 bytes, {stacks} with a stack, at most {most} registers"]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", nargs="?", type=pathlib.Path, default=ROOT / "build" / "cuda" / "libmixnet.so")
    parser.add_argument("--match", nargs="+", default=[], metavar="WORD")
    parser.add_argument("--narrow", action="store_true")
    options = parser.parse_args(arguments)
    program = cuda_tool.find("cuobjdump")
    if not program or not options.library.exists():
        missing = f"{options.library} (python tools/build.py cuda)" if program else "cuobjdump (pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm)"
        print(f"kernel_report: expected {missing}, found none")
        return 1
    print("\n".join(report(read(program, options.library), options.match, options.narrow)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
