"""mx.gluon beside what MXNet 1.9.1 computed with the same parameters (tests/data/gluon, written by tools/golden/gluon_blocks.py)."""

import json
import pathlib
import sys

import numpy as np
import pytest

import mixnet as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "golden"))

import gluon_blocks as blocks  # noqa: E402

FOLDER = ROOT / "tests" / "data" / "gluon"
THERE = dict(np.load(FOLDER / "mxnet.npz"))
CASES = {name: run for group in blocks.ALL for name, run in group(mx)}
# Where MXNet is mistaken (docs/guide/differences.md): the gamma that fix_gamma overwrites, the gradient of selu.
LEFT_OUT = {"batch_norm_axis": (3,), "selu": (2,)}


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    found = blocks.values(CASES[name])
    expected = [THERE[f"{name}/{i}"] for i in range(sum(key.startswith(f"{name}/") for key in THERE))]
    assert len(found) == len(expected)
    for i, (a, b) in enumerate(zip(found, expected)):
        if i in LEFT_OUT.get(name, ()):
            continue
        assert a.shape == b.shape, i
        scale = max(1.0, float(np.abs(b).max())) if b.size else 1.0
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=3e-5 * scale, err_msg=f"{name}/{i}")


@pytest.mark.parametrize("name", blocks.MODELS)
def test_nets_have_the_parameters_and_operators_of_mxnets(name):
    assert blocks.structure(mx, name) == json.loads((FOLDER / "models.json").read_text())[name]


@pytest.mark.parametrize("file", ["places.params", "names.params", "exported-0003.params"])
def test_files_of_a_net(file):
    net = blocks.chain(mx, "net_")
    net.load_parameters(FOLDER / file)
    x = mx.nd.array(blocks.numbers(blocks.IMAGES, 5))
    np.testing.assert_allclose(net(x).asnumpy(), THERE["chain/0"], rtol=1e-5, atol=1e-6)


def test_an_exported_net():
    net = mx.gluon.SymbolBlock.imports(FOLDER / "exported-symbol.json", ["data"], FOLDER / "exported-0003.params")
    x = mx.nd.array(blocks.numbers(blocks.IMAGES, 5))
    np.testing.assert_allclose(net(x).asnumpy(), THERE["chain/0"], rtol=1e-5, atol=1e-6)


def test_a_file_of_a_recurrent_layer():
    layer = mx.gluon.rnn.LSTM(4, 2, bidirectional=True, layout="NTC", input_size=9)
    layer.load_parameters(FOLDER / "lstm.params")
    x = mx.nd.array(blocks.numbers(blocks.SOUNDS, 5))
    np.testing.assert_allclose(layer(x).asnumpy(), THERE["layer_lstm/0"], rtol=1e-5, atol=1e-6)
