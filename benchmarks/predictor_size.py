"""What the one-file predictor costs: size of its object, peak memory and time, beside the library's predictor and onnxruntime.

python benchmarks/predictor_size.py [--nets ResNet-50 VGG-16] [--count 20] [--rounds 3]

Object: text and data of mixnet_predict.o at -O3 -march=native, whole and with the operators of one net only (--symbol). Memory and time: one
process per cell and round, in turn; peak is the most resident memory (VmHWM) less what the process held before the model was read,
"anonymous" is what of it is not the mapped file at the end; time is the median of --count forwards of one image after two others, on all
cores. The library and the one file run the same C program. All read the model from disk: ours maps a packed model and borrows it.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import case
import environments
import nets
import numpy as np
import table

import mixnet as mx
from mixnet.predictor import pack

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = ROOT / "build" / "release"
PEERS = pathlib.Path(__file__).resolve().parent / "peers"
PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include "mixnet/c_predict.h"

static long status(const char *key) {
  char line[256];
  long value = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, key, strlen(key)) == 0) value = atol(line + strlen(key) + 1);
  }
  if (file) fclose(file);
  return value;
}
static void must(int32_t code) {
  char text[512];
  if (code == 0) return;
  mxn_error_copy(text, sizeof text);
  fprintf(stderr, "%s\n", text);
  exit(1);
}
static int larger(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }
int main(int argc, char **argv) {
  const int size = atoi(argv[2]), count = argc > 3 ? atoi(argv[3]) : 10, fd = open(argv[1], O_RDONLY);
  struct stat about;
  fstat(fd, &about);
  const long before = status("VmRSS:");
  void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, fd, 0);
  const char *name = "data";
  const int32_t ndim = 4;
  const int64_t shape[] = {1, 3, size, size};
  mxn_predictor_options_t o = {.struct_size = sizeof o, .packed = bytes, .packed_bytes = about.st_size, .borrow = 1,
                               .input_names = &name, .input_ndims = &ndim, .input_shapes = shape, .num_inputs = 1};
  mxn_predictor_t *p;
  must(mxn_predictor_create(&o, &p));
  mxn_tensor_t input = {.struct_size = sizeof input};
  must(mxn_predictor_input(p, 0, &input));
  for (long i = 0; i < input.bytes / 4; ++i) ((float *)input.data)[i] = (float)(i % 251) / 251;
  double *taken = calloc((size_t)count + 2, sizeof *taken);
  for (int i = 0; i < count + 2; ++i) {
    struct timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    must(mxn_predictor_forward(p));
    clock_gettime(CLOCK_MONOTONIC, &t1);
    taken[i] = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) * 1e-6;
  }
  qsort(taken + 2, (size_t)count, sizeof *taken, larger);
  printf("%ld %ld %.3f\n", status("VmHWM:") - before, status("RssAnon:"), taken[2 + count / 2]);
  mxn_predictor_free(p);
  return 0;
}
"""
ONNX = """
import re, sys, time
import numpy as np, onnxruntime
def status(key):
    return int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
before, anonymous = status("VmRSS"), status("RssAnon")
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[4])
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
size = int(sys.argv[2])
data = {session.get_inputs()[0].name: (np.arange(3 * size * size, dtype="float32") % 251 / 251).reshape(1, 3, size, size)}
taken = []
for i in range(int(sys.argv[3]) + 2):
    t0 = time.perf_counter()
    session.run(None, data)
    taken.append((time.perf_counter() - t0) * 1e3)
print(status("VmHWM") - before, status("RssAnon") - anonymous, sorted(taken[2:])[(len(taken) - 2) // 2])
"""


def run(command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def megabytes(count):
    return f"{count / 1e6:.1f}"


def object_sizes(folder, symbols):
    """Rows (what, lines, bytes of text and data) of the whole file and of the reduced ones."""
    rows = []
    for name, chosen in (("whole", []), *((name, [path]) for name, path in symbols.items())):
        out = folder / f"one-{name}"
        run([sys.executable, ROOT / "tools" / "amalgamate.py", "--out", out, *(["--symbol", *chosen] if chosen else [])])
        run(["g++", "-std=c++17", "-O3", "-march=native", "-c", out / "mixnet_predict.cc", "-o", out / "mixnet_predict.o"])
        text, data, *_ = map(int, run(["size", out / "mixnet_predict.o"]).splitlines()[1].split()[:3])
        rows.append((name, (out / "mixnet_predict.cc").read_text().count("\n"), text + data, out / "mixnet_predict.o"))
    return rows


def sizes_table(folder, names):
    """The table of objects; returns the whole file's."""
    symbols = {name: folder / f"{name}-symbol.json" for name in names}
    for name, path in symbols.items():
        nets.ALL[name].make().save(str(path))
    out = table.Table("predictor-size", "The one-file predictor at -O3 -march=native, g++", ["operators", "lines", "object, MB"])
    sizes = object_sizes(folder, symbols)
    for name, lines, size, _ in sizes:
        out.add([name if name == "whole" else f"of {name}", lines, megabytes(size)])
    out.save()
    return sizes[0][3]


def programs(folder, whole):
    """{column: command} of the C program on the one file and on the library."""
    source, include = folder / "measure.c", ["-I", ROOT / "include"]
    source.write_text(PROGRAM)
    run(["gcc", "-O2", *include, "-c", source, "-o", folder / "measure.o"])
    run(["g++", folder / "measure.o", whole, "-pthread", "-o", folder / "one"])
    run(["g++", folder / "measure.o", f"-L{RELEASE}", "-lmixnet", f"-Wl,-rpath,{RELEASE}", "-o", folder / "library"])
    return {"one file": [folder / "one"], "library": [folder / "library"]}


def write_model(folder, name):
    """The net's files: ours, and ONNX where the peer is installed."""
    paths = case.write(folder, nets.ALL[name].make(), case.images(nets.shape(name, 1)))
    stored = np.load(paths["arrays"])
    params = {key: mx.nd.array(stored[key]) for key in stored.files if not key.startswith("data:")}
    mx.nd.save(str(folder / "net.params"), params)
    pack(pathlib.Path(paths["symbol"]), folder / "net.params", folder / "net.mixnet")
    peer = environments.python("onnxruntime")
    if peer:
        export = (
            "import sys, numpy as np; sys.path.insert(0, sys.argv[1]); import graph, onnx_export; a = np.load(sys.argv[3]);"
            "p = {k.split(':', 1)[1]: a[k] for k in a.files if not k.startswith('data:')};"
            "onnx_export.save(graph.load(sys.argv[2]), p, {'data': a['data:data'].shape}, sys.argv[4])"
        )
        run([peer, "-c", export, PEERS, paths["symbol"], paths["arrays"], folder / "net.onnx"])
    return peer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", nargs="+", default=["ResNet-50", "VGG-16"], choices=list(nets.ALL))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--object", type=pathlib.Path, help="a mixnet_predict.o to run instead of compiling; sizes are then left out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        whole = options.object or sizes_table(folder, options.nets)
        commands = programs(folder, whole)
        columns = ["net", "what", *commands, "onnxruntime"]
        out = table.Table("predictor-cost", f"One image: MB and ms, median of {options.rounds} processes", columns)
        for name in options.nets:
            model = folder / name
            model.mkdir()
            peer, size, results = write_model(model, name), nets.shape(name, 1)[2], {column: [] for column in columns[2:]}
            for _ in range(options.rounds):
                for column, command in commands.items():
                    results[column].append(run([*command, model / "net.mixnet", size, options.count]).split())
                if peer:
                    threads = len(os.sched_getaffinity(0))
                    results["onnxruntime"].append(run([peer, "-c", ONNX, model / "net.onnx", size, options.count, threads]).split())
            for i, (what, form) in enumerate((("peak memory", "{:.0f}"), ("anonymous", "{:.0f}"), ("time", "{:.1f}"))):
                cells = [[float(r[i]) * (1.024e-3 if i < 2 else 1) for r in results[column]] for column in columns[2:]]
                out.add([name, what, *(form.format(statistics.median(c)) if c else table.MISSING for c in cells)])
        out.save()


if __name__ == "__main__":
    main()
