"""The predictor: the library's and the one-file program, against the executor."""

import pathlib
import subprocess
import threading

import numpy as np
import pytest

import mixnet as mx
from mixnet.__main__ import main
from mixnet.predictor import Predictor, pack

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "predictor" / "predict"


def lenet():
    """LeNet of the tutorials, with BatchNorm so that auxiliary states are there too."""
    data = mx.sym.Variable("data")
    net = mx.sym.Convolution(data, kernel=(5, 5), num_filter=20, name="conv1")
    net = mx.sym.Activation(net, act_type="tanh", name="act1")
    net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name="pool1")
    net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=50, no_bias=True, name="conv2")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn2")
    net = mx.sym.Activation(net, act_type="relu", name="act2")
    net = mx.sym.Pooling(net, pool_type="avg", kernel=(2, 2), stride=(2, 2), name="pool2")
    net = mx.sym.Flatten(net, name="flatten")
    net = mx.sym.FullyConnected(net, num_hidden=500, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="act3")
    net = mx.sym.Dropout(net, p=0.5, name="drop")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A bound net with random parameters, its files, an input batch and what the executor makes of it."""
    net, random = lenet(), np.random.RandomState(7)
    executor = net.simple_bind(mx.cpu(), data=(3, 1, 28, 28), grad_req="null")
    for name, array in {**executor.arg_dict, **executor.aux_dict}.items():
        array[:] = random.uniform(0.5, 1.5, array.shape) if name.endswith("var") else random.normal(0, 0.1, array.shape)
    data = random.rand(3, 1, 28, 28).astype(np.float32)
    expected = executor.forward(data=data)[0].asnumpy()
    prefix = str(tmp_path_factory.mktemp("model") / "lenet")
    arguments = {k: v for k, v in executor.arg_dict.items() if k not in ("data", "softmax_label")}
    mx.model.save_checkpoint(prefix, 1, net, arguments, executor.aux_dict)
    return {"json": prefix + "-symbol.json", "params": prefix + "-0001.params", "data": data, "expected": expected, "executor": executor}


def test_same_outputs_as_the_executor(model):
    predictor = Predictor(model["json"], model["params"], {"data": (3, 1, 28, 28)})
    np.testing.assert_allclose(predictor.forward(data=model["data"])[0], model["expected"], rtol=1e-5, atol=1e-6)
    memory = predictor.memory
    assert memory["parameters"] == sum(a.size * 4 for n, a in model["executor"].arg_dict.items() if n not in ("data", "softmax_label")) + 400
    assert 0 < memory["lower_bound"] <= memory["arena"] < memory["naive"]


def test_partial_output_leaves_out_what_lies_behind(model):
    whole = Predictor(model["json"], model["params"], {"data": (3, 1, 28, 28)})
    part = Predictor(model["json"], model["params"], {"data": (3, 1, 28, 28)}, outputs=["fc1", "pool1_output"])
    fc1, pool1 = part.forward(data=model["data"])
    assert fc1.shape == (3, 500) and pool1.shape == (3, 20, 12, 12)
    assert part.memory["steps"] < whole.memory["steps"]
    net = mx.sym.load(model["json"]).get_internals()["fc1_output"]
    executor = net.bind(mx.cpu(), {n: model["executor"].arg_dict[n] for n in net.list_arguments()}, aux_states=model["executor"].aux_dict)
    np.testing.assert_allclose(fc1, executor.forward()[0].asnumpy(), rtol=1e-5, atol=1e-6)


def test_steps_reshape_and_clones(model):
    predictor = Predictor(model["json"], pathlib.Path(model["params"]).read_bytes(), {"data": (3, 1, 28, 28)})
    predictor.forward(data=model["data"])
    left, counted = predictor.memory["steps"], 0
    while left:
        left, counted = predictor.forward_steps(2), counted + 2
    assert predictor.memory["steps"] in (counted, counted - 1)
    np.testing.assert_allclose(predictor.get_output(0), model["expected"], rtol=1e-5, atol=1e-6)
    predictor.reshape({"data": (1, 1, 28, 28)})
    np.testing.assert_allclose(predictor.forward(data=model["data"][1:2])[0], model["expected"][1:2], rtol=1e-4, atol=1e-6)

    clones, wrong = [predictor.clone() for _ in range(4)], []

    def work(i):
        for k in range(20):
            row = (i + k) % 3
            out = clones[i].forward(data=model["data"][row : row + 1])[0]
            if not np.allclose(out, model["expected"][row : row + 1], rtol=1e-4, atol=1e-6):
                wrong.append((i, k))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_other_dtypes_and_embedding():
    ids = mx.sym.Variable("ids")
    net = mx.sym.sum(mx.sym.Embedding(ids, input_dim=5, output_dim=3, name="embed"), axis=1)
    table = np.arange(15, dtype=np.float32).reshape(5, 3)
    params = mx.nd.array(table)
    file = {"arg:embed_weight": params}
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/e.params"
        mx.nd.save(path, file)
        predictor = Predictor(net, path, {"ids": (2, 2)}, dtypes={"ids": "int32"})
    np.testing.assert_array_equal(predictor.forward(ids=[[0, 4], [1, 1]])[0], [table[0] + table[4], 2 * table[1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.update(input_shapes={"date": (3, 1, 28, 28)}), "data"),
        (lambda a: a.update(input_shapes={"data": (3, 2, 28, 28)}), "conv1_weight|conv1"),
        (lambda a: a.update(input_shapes={"data": (3, 1, 4, 4)}), "conv1|kernel"),
        (lambda a: a.update(params=None), "parameter of this name"),
        (lambda a: a.update(params=b"not a parameter file"), "load"),
        (lambda a: a.update(symbol="{}"), "nodes"),
        (lambda a: a.update(outputs=["fc9"]), "fc9"),
    ],
)
def test_bad_models_get_one_line(model, change, message):
    arguments = {"symbol": model["json"], "params": model["params"], "input_shapes": {"data": (3, 1, 28, 28)}, "outputs": []}
    change(arguments)
    with pytest.raises(mx.MXNetError, match=message) as caught:
        Predictor(**arguments)
    assert "\n" not in str(caught.value)


def test_bad_calls_leave_the_predictor_whole(model):
    predictor = Predictor(model["json"], model["params"], {"data": (3, 1, 28, 28)})
    with pytest.raises(mx.MXNetError, match=r"expected shape \(3, 1, 28, 28\)"):
        predictor.forward(data=model["data"][:1])
    with pytest.raises(mx.MXNetError, match="expected the name of an input"):
        predictor.forward(fc1_weight=1)
    with pytest.raises(mx.MXNetError, match="expected 0 to 0, got 1"):
        predictor.get_output(1)
    with pytest.raises(mx.MXNetError):
        predictor.reshape({"data": (3, 2, 28, 28)})
    with pytest.raises(mx.MXNetError, match="at least 0"):
        predictor.forward_steps(-1)
    np.testing.assert_allclose(predictor.forward(data=model["data"])[0], model["expected"], rtol=1e-5, atol=1e-6)


def run_program(model, tmp_path, *replaced):
    assert PROGRAM.exists(), "the one-file predictor is not built: ninja -C build/release predictor"
    (tmp_path / "input").write_bytes(model["data"].tobytes())
    arguments = [model["json"], model["params"], "data", "3,1,28,28", tmp_path / "input"]
    for position, value in replaced:
        arguments[position] = value
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_one_file_predictor_runs_lenet(model, tmp_path):
    done = run_program(model, tmp_path)
    assert done.returncode == 0, done.stderr
    name, *values = done.stdout.split()
    assert name == "softmax_output"
    np.testing.assert_allclose(np.array(values, np.float32).reshape(3, 10), model["expected"], rtol=1e-4, atol=1e-5)


def test_one_file_predictor_reports_errors(model, tmp_path):
    (tmp_path / "cut").write_bytes(pathlib.Path(model["params"]).read_bytes()[:1000])
    done = run_program(model, tmp_path, (1, tmp_path / "cut"))
    assert done.returncode == 1 and "[load]" in done.stderr and done.stderr.count("\n") == 1
    done = run_program(model, tmp_path, (3, "4,1,28,28"))
    assert done.returncode == 1 and "bytes" in done.stderr


def test_layers_in_strips(model, monkeypatch):
    whole = Predictor(model["json"], model["params"], {"data": (3, 1, 28, 28)})
    monkeypatch.setenv("MIXNET_STRIPS", "1")
    strips = Predictor(model["json"], model["params"], {"data": (3, 1, 28, 28)})
    assert strips.memory["steps"] < whole.memory["steps"] and strips.memory["arena"] <= whole.memory["arena"]
    for _ in range(2):
        np.testing.assert_allclose(strips.forward(data=model["data"])[0], model["expected"], rtol=1e-5, atol=1e-6)
    strips.reshape({"data": (1, 1, 28, 28)})
    np.testing.assert_allclose(strips.forward(data=model["data"][1:2])[0], model["expected"][1:2], rtol=1e-5, atol=1e-6)


def test_packed_model(model, tmp_path, capsys):
    out = tmp_path / "lenet.mixnet"
    main(["pack", model["json"], model["params"], "-o", str(out)])
    assert str(out.stat().st_size) in capsys.readouterr().out
    shapes = {"data": (3, 1, 28, 28)}
    data = pack(mx.sym.load(model["json"]), model["params"])
    for source in (out, str(out), out.read_bytes(), data):
        np.testing.assert_allclose(Predictor(source, None, shapes).forward(data=model["data"])[0], model["expected"], rtol=1e-5, atol=1e-6)
    for bad, words in ((data[:-1], "bytes of parameters"), (data[:9], "MXNMODEL"), (data[:60] + b"?" + data[61:], "CRC-32"), (b"", "MXNMODEL")):
        with pytest.raises(mx.MXNetError, match=words):
            Predictor(bad, None, shapes)
    with pytest.raises(mx.MXNetError, match="expected None beside a packed model"):
        Predictor(out, model["params"], shapes)
    for arguments in ([model["params"], model["params"]], [model["json"], model["json"]], [model["json"], str(tmp_path / "none")]):
        with pytest.raises(SystemExit, match=r"^\["):
            main(["pack", *arguments, "-o", str(tmp_path / "bad")])
    assert not (tmp_path / "bad").exists()
