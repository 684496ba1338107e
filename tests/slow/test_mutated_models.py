"""Broken files of the formats that Python reads: 100,000 each of safetensors, prototxt and caffemodel end in one line or are read.

MIXNET_TEST_MUTATIONS sets another number; tests/fuzz/RECORD.md says what ran.
"""

import itertools
import os
import pathlib
import sys

import mixnet as mx
from mixnet.caffe import wire

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

from caffe_models import CASES, caffemodel, weights  # noqa: E402
from mutating import survives  # noqa: E402
from test_safetensors import sample  # noqa: E402

COUNT = int(os.environ.get("MIXNET_TEST_MUTATIONS", "100000"))
# Small descriptions that hold every kind of layer.
DESCRIPTIONS = [text.encode() for text in CASES.values()]


def counted(read, contents):
    """How many broken files were read; the rest were refused in one line."""
    good = sum(survives(read, contents[seed % len(contents)], seed, mx.MXNetError) for seed in range(COUNT))
    print(f"{COUNT} files, {good} read, {COUNT - good} refused")
    assert 0 < good < COUNT


def test_safetensors(tmp_path):
    path = tmp_path / "m.safetensors"
    content = sample(path)

    def read(broken):
        path.unlink()
        path.write_bytes(broken)
        for array in mx.nd.load(str(path)).values():
            array.asnumpy()

    counted(read, [content])


def test_prototxt():
    counted(mx.caffe.import_model, DESCRIPTIONS)


def test_caffemodel():
    """All are read; every tenth net is made as well."""
    contents, turn = [caffemodel(weights(CASES["fcn"]), legacy) for legacy in (False, True)], itertools.count()

    def read(broken):
        wire.parameters(broken)
        if next(turn) % 10 == 0:
            mx.caffe.import_model(CASES["fcn"], broken)

    counted(read, contents)
