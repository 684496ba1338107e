"""Iterators over files of numbers give what MXNet 1.9.1's give: data, labels, pad, ids, over several epochs."""

import json
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import oracle  # noqa: E402

# MXNet may end with a segmentation fault once an iterator was used: the process leaves before its destructors.
PROGRAM = """
import json, os, sys
import {package} as mx

def dense(a):
    return a.asnumpy().tolist()

for name, options, epochs in json.load(open(sys.argv[1])):
    it = getattr(mx.io, name)(**options)
    told = [[(d.name, list(d.shape), d.dtype.__name__, d.layout) for d in it.provide_data + it.provide_label]]
    for _ in range(epochs):
        for b in it:
            arrays = [b.data[0], b.label[0]]
            told.append([[a.stype for a in arrays], [dense(a) for a in arrays], [a.dtype.__name__ for a in arrays], b.pad, b.index.tolist()])
        it.reset()
    print(json.dumps(told), flush=True)
os._exit(0)
"""


def run(command, environment, package, cases):
    done = subprocess.run([*command, "-c", PROGRAM.format(package=package), cases], env=environment, capture_output=True, text=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.RandomState(0)
    np.savetxt(folder / "x.csv", rng.randn(23, 6), delimiter=",", fmt="%.6g")
    np.savetxt(folder / "y.csv", rng.randint(0, 9, (23, 2)), delimiter=", ", fmt="%d")
    (folder / "odd.csv").write_text(" 1 , 2\n\n3,\t-4\r\n+5,1e3\nnan,.5")
    for name in ("x.svm", "y.svm"):
        rows = [[f"{c}:{rng.randn():.4f}" for c in range(9) if rng.rand() < 0.4] for _ in range(17)]
        (folder / name).write_text("".join(f"{i} {' '.join(row)}  # {i}\n" for i, row in enumerate(rows)))
    images = rng.randint(0, 256, (11, 3, 2)).astype(np.uint8)
    (folder / "images").write_bytes(struct.pack(">HBB3I", 0, 8, 3, *images.shape) + images.tobytes())
    (folder / "labels").write_bytes(struct.pack(">HBBI", 0, 8, 1, 11) + bytes(range(11)))
    return folder


def cases_of(folder):
    x, y, odd, xs, ys, images, labels = (str(folder / name) for name in ("x.csv", "y.csv", "odd.csv", "x.svm", "y.svm", "images", "labels"))
    mnist = {"image": images, "label": labels, "shuffle": False, "silent": True}
    return [
        ("CSVIter", {"data_csv": x, "data_shape": (6,), "batch_size": 5}, 4),
        ("CSVIter", {"data_csv": x, "data_shape": (6,), "batch_size": 23}, 2),
        ("CSVIter", {"data_csv": x, "data_shape": (2, 3), "label_csv": y, "label_shape": (2,), "batch_size": 4}, 3),
        ("CSVIter", {"data_csv": y, "data_shape": (1, 2), "batch_size": 6, "dtype": "int32"}, 2),
        ("CSVIter", {"data_csv": y, "data_shape": (2,), "batch_size": 6, "dtype": "int64"}, 2),
        ("CSVIter", {"data_csv": odd, "data_shape": (2,), "batch_size": 2, "data_name": "left", "label_name": "right"}, 2),
        ("CSVIter", {"data_csv": f"{y};{y}", "data_shape": (2,), "batch_size": 7}, 1),
        ("CSVIter", {"data_csv": x, "data_shape": (6,), "batch_size": 5, "round_batch": False}, 2),
        ("LibSVMIter", {"data_libsvm": xs, "data_shape": (9,), "batch_size": 4}, 4),
        ("LibSVMIter", {"data_libsvm": xs, "data_shape": (9,), "label_libsvm": ys, "label_shape": (9,), "batch_size": 5}, 2),
        ("MNISTIter", {**mnist, "batch_size": 4}, 2),
        ("MNISTIter", {**mnist, "batch_size": 2, "flat": True, "num_parts": 3, "part_index": 1}, 2),
    ]


def same(name, options, ours, theirs):
    assert len(ours) == len(theirs) and ours[0] == theirs[0]
    for our, their in zip(ours[1:], theirs[1:]):
        rows = len(our[4]) - (our[3] if options.get("round_batch") is False else 0)  # what else fills the batch is left from the one before in MXNet
        assert our[0] == their[0] and our[2] == their[2] and our[3] == their[3]
        for mine, yours in zip(our[1], their[1]):
            np.testing.assert_allclose(np.array(mine)[:rows], np.array(yours)[:rows], rtol=2e-6)
        if name != "MNISTIter":  # whose ids are all 0 in MXNet
            assert our[4][:rows] == their[4][:rows]


def test_batches_agree(files, tmp_path):
    cases = cases_of(files)
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases))
    ours = run([sys.executable], {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}, "mixnet", str(path))
    theirs = run(*oracle.command(), "mxnet", str(path))
    assert len(ours) == len(theirs) == len(cases)
    for (name, options, _), mine, yours in zip(cases, ours, theirs):
        same(name, options, mine, yours)
