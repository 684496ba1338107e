"""The benchmarks' own tools: multiply-adds against known figures, the driver against sides that misbehave, tables."""

import os
import pathlib
import sys
import textwrap

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "peers")]

import case  # noqa: E402
import contestants  # noqa: E402
import driver  # noqa: E402
import environments  # noqa: E402
import figure7  # noqa: E402
import gpu  # noqa: E402
import graph  # noqa: E402
import macs  # noqa: E402
import nets  # noqa: E402
import node_overhead  # noqa: E402
import operator_calls  # noqa: E402
import peak  # noqa: E402
import replay  # noqa: E402
import step_nets  # noqa: E402
import table  # noqa: E402

import mixnet as mx  # noqa: E402

# A side that doubles its input; what else it does is its argument.
SIDE = """
    import sys, time
    import numpy as np
    import worker
    kind = sys.argv[1]
    class Case:
        def __init__(self, spec):
            spec.only("float32", "bfloat16", modes=("predict",))
            self.narrow = spec.dtype == "bfloat16"
            self.data = spec.inputs["data"]
            print("a library greets")
        def step(self):
            if kind == "slow":
                time.sleep(0.02)
        def outputs(self):
            if kind == "dies":
                sys.stderr.write("it hurts\\n")
                sys.stderr.flush()
                import os
                os._exit(3)
            if kind == "hangs":
                time.sleep(60)
            rounding = {"ours": 0.06, "down": -0.06, "far": 0.15}.get(kind, 0) if self.narrow else 0
            return self.data * (2.1 if kind == "wrong" else 2) * (1 + rounding)
    worker.serve(kind, "1.0", Case)
"""


@pytest.fixture
def side(tmp_path):
    """side(kind): a fake peer."""
    path = tmp_path / "side.py"
    path.write_text(textwrap.dedent(SIDE))
    made, env = [], {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks" / "peers")}

    def make(kind, **options):
        made.append(driver.Peer(kind, [sys.executable, path, kind] if kind != "absent" else None, env, **options))
        return made[-1]

    yield make
    for peer in made:
        peer.stop()


@pytest.fixture
def paths(tmp_path):
    np.savez(tmp_path / "net.npz", **{"data:data": np.ones((2, 3), "float32")})
    return {"symbol": "none", "arrays": str(tmp_path / "net.npz")}


@pytest.mark.parametrize("operator", node_overhead.OPERATORS.values(), ids=node_overhead.OPERATORS)
def test_every_node_of_the_chains_is_a_step(operator):
    executor = node_overhead.chain(operator, 20).simple_bind(mx.cpu(), grad_req="null", data=(4, 1))
    assert all(f"node{i}" in executor.debug_str() for i in range(20))
    assert node_overhead.per_node(3e-6, 3e-6 + 1e-7 * (node_overhead.LONG - 1)) == pytest.approx(1e-7)
    assert node_overhead.per_node(None, 1.0) is None


@pytest.mark.parametrize(
    ("name", "billions"),
    [("AlexNet", 0.71), ("OverFeat", 2.8), ("VGG-A", 7.61), ("VGG-16", 15.47), ("GoogLeNet", 1.58), ("Inception-BN", 2.03), ("ResNet-50", 4.09)],
)
def test_multiply_adds(name, billions):
    symbol = nets.ALL[name].make()
    one, four = (macs.count(symbol, data=nets.shape(name, batch)) for batch in (1, 4))
    assert one == pytest.approx(billions * 1e9, rel=0.02)
    assert four == 4 * one


def test_a_residual_net_does_not_grow_with_every_block(tmp_path):
    net = nets.ALL["ResNet-50"].make()
    arrays = np.load(case.write(tmp_path, net, case.images((2, 3, 64, 64)))["arrays"])
    executor = net.simple_bind(mx.cpu(), data=(2, 3, 64, 64), grad_req="null")
    for kind, values in (("arg", executor.arg_dict), ("aux", executor.aux_dict), ("data", executor.arg_dict)):
        for key in arrays.files:
            if key.startswith(kind + ":"):
                values[key.split(":")[1]][:] = arrays[key]
    # Sides could not be compared by probabilities that are all 0 or 1.
    assert 0.001 < executor.forward()[0].asnumpy().max() < 0.9


def test_multiply_adds_of_small_nets():
    def count(name):
        inputs = step_nets.ALL[name].inputs(np.random.RandomState(0))
        return macs.count(step_nets.ALL[name].make(), **{key: np.shape(value) for key, value in inputs.items()})

    assert count("MLP") == 128 * (784 * 512 + 512 * 256 + 256 * 10)
    assert count("LeNet") == 64 * (20 * 24 * 24 * 25 + 50 * 8 * 8 * 20 * 25 + 800 * 500 + 500 * 10)
    assert count("LSTM language model") == 35 * 32 * (2 * 4 * 512 * (512 + 512) + 512 * 10000)


def test_sides_are_interleaved_and_compared(side, paths, monkeypatch):
    monkeypatch.setattr(peak, "measure", lambda: 100.0)
    monkeypatch.setattr(driver, "PAUSE", 0)
    sides = [side("ours"), side("slow"), side("wrong"), side("dies"), side("absent")]
    results, gigaflops = driver.measure(sides, paths, seconds=0.05, mode="predict")
    found = {result.name: result for result in results}
    assert gigaflops == 100 and sides[0].version == "1.0"
    assert found["ours"].seconds < found["slow"].seconds and len(found["slow"].times) >= 3
    assert found["slow"].beside == found["ours"].seconds
    assert found["wrong"].reason == "outputs differ from ours by 5.0e-02" and found["wrong"].seconds is None
    assert found["dies"].reason == "ended with 3: it hurts"
    assert found["absent"].reason == "not installed"


def test_sixteen_bit_sides_are_held_against_float32(side, paths, monkeypatch):
    monkeypatch.setattr(peak, "measure", lambda: 100.0)
    monkeypatch.setattr(driver, "PAUSE", 0)
    sides = [side("ours"), side("down"), side("far")]
    results, _ = driver.measure(sides, paths, seconds=0.01, tolerance=0.1, mode="predict", dtype="bfloat16")
    assert [result.reason for result in results] == ["", "", "outputs differ from ours in float32 by 1.5e-01"]


def test_groups_have_ours_beside_each(side, paths, monkeypatch):
    monkeypatch.setattr(peak, "measure", lambda: 100.0)
    results, _ = driver.measure([side("ours"), side("slow"), side("other")], paths, seconds=0.01, together=1, mode="predict")
    assert [result.name for result in results] == ["ours", "slow", "other"]
    assert all(result.seconds and result.beside for result in results)


def test_what_a_side_cannot_do(side, paths):
    ours = side("ours")
    for command, text in (({"mode": "train"}, "no train"), ({"mode": "predict", "dtype": "float16"}, "no float16")):
        with pytest.raises(driver.PeerError, match=f"^{text}$"):
            ours.ask("load", **paths, **command)
    with pytest.raises(driver.PeerError, match="^no command fly$"):
        ours.ask("fly")
    with pytest.raises(driver.PeerError, match="FileNotFoundError"):
        ours.ask("load", symbol="none", arrays="nowhere.npz", mode="predict")
    assert ours.ask("load", **paths, mode="predict") == {}  # it has survived all that
    assert len(ours.ask("step", count=3)["seconds"]) == 3
    assert 0 < ours.ask("memory")["bytes"] <= ours.ask("peak", count=2)["bytes"] + 2**20


def test_a_side_that_hangs_is_ended(side, paths):
    peer = side("hangs", timeout=5)
    peer.ask("load", **paths, mode="predict")
    peer._timeout = 0.2
    with pytest.raises(driver.PeerError, match="no answer within 0.2 s"):
        peer.ask("outputs", path="unused")


def test_peak_is_measured():
    assert peak.measure(0.02) > 0.5


def test_our_own_side_runs(tmp_path):
    """The real worker on a small net: prediction, gradients, and both kinds of update, which must agree."""
    net = step_nets.ALL["MLP"]
    paths = case.write(tmp_path, net.make(), net.inputs(np.random.RandomState(0)))
    results = {}
    for ours in (contestants.chosen(["mixnet"])[0], contestants.fused_update("fused")):
        try:
            predicted = driver.load(ours, paths, 1e-3, None, mode="predict")
            driver.load(ours, paths, 1e-3, predicted, mode="train")
            ours.ask("load", **paths, mode="update", lr=0.001, **ours.fields)
            ours.ask("step", count=2)
            ours.ask("outputs", path=str(tmp_path / "after.npy"))
        finally:
            ours.stop()
        results[ours.name] = np.load(tmp_path / "after.npy")
        assert np.abs(results[ours.name] - predicted).max() > 1e-3
    np.testing.assert_allclose(results["mixnet"], results["fused"], rtol=1e-5, atol=1e-7)


def test_graph_reads_a_symbol(tmp_path):
    path = tmp_path / "net-symbol.json"
    path.write_text(step_nets.language_model().tojson())
    read = graph.load(path)
    assert [node.op for node in read.nodes if node.op != "null"] == ["Embedding", "RNN", "Reshape", "FullyConnected", "SoftmaxOutput"]
    assert graph.indices(read) == {"data", "softmax_label"}
    rnn = next(node for node in read.nodes if node.op == "RNN")
    layers, hidden, places = graph.rnn_sizes(rnn.attrs, 512)
    assert (layers, hidden) == (2, 512) and places[-1] == (4 * 2048 * 512 + 3 * 2048, (2048,))


def test_rules_of_the_planner_reach_figure_7():
    symbol = step_nets.lenet()
    sizes = {rule: figure7.estimate(symbol, True, (64, 1, 28, 28), settings)["planned"] for rule, settings in figure7.RULES.items()}
    assert sizes["both"] < sizes["in place"] and sizes["both"] <= sizes["sharing"]
    assert not [name for name in os.environ if name.startswith("MIXNET_PLAN_")]


def test_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(table, "FOLDER", tmp_path)

    def result(name, column, *times, reason=""):
        made = driver.Result(driver.Peer(name, None, None, column=column), reason)
        made.times, made.beside = list(times), 0.1
        return made

    results = [result("ours", "ours", 0.1), result("a 1", "a", 0.3), result("a 2", "a", 0.2, 0.2, 0.9), result("b", "b", reason="not installed")]
    columns = table.faster(results)
    assert columns["a"].name == "a 2" and table.best(columns["ours"], [columns["a"], columns["b"]]) == (2.0, "a")
    assert [table.time_cell(columns[name]) for name in ("ours", "a", "b")] == ["100", "200", "not installed"]
    out = table.Table("name", "caption", ["x", "y"])
    out.add([1, "a|b"])
    out.save()
    with pytest.raises(ValueError, match="expected 2 cells, got 1"):
        out.add([1])
    assert (tmp_path / "name.md").read_text() == "caption\n\n| x | y |\n| --- | --- |\n| 1 | a/b |\n" == capsys.readouterr().out
    table.bars("name", "title", "ms", {"net": {"ours": 1.0, "theirs": None}})
    assert (tmp_path / "name.png").stat().st_size > 1000


def test_rows_of_a_gpu(monkeypatch):
    def result(column, seconds, size, reason=""):
        made = driver.Result(driver.Peer(column, None, None), reason)
        made.times, made.told = [seconds] if seconds else [], {"bytes": size} if size else {}
        return made

    both = {
        "mixnet": result("mixnet", 0.01, 2e6),
        "PyTorch eager": result("PyTorch eager", 0.02, 3e6),
        "PyTorch compile": result("PyTorch compile", 0.015, 4e6),
    }
    assert gpu.cells(both, 61.7) == ["10", "20", "15", "1.50 PyTorch compile", "62 %", "2", "4", "2.00"]
    alone = {"mixnet": both["mixnet"], "PyTorch eager": result("PyTorch eager", None, None, "not installed")}
    assert gpu.cells(alone, None) == ["10", "not installed", "-", "-", "2", "-", "-"]
    monkeypatch.setitem(environments.PACKAGES, "torch", [])
    monkeypatch.setenv("MIXNET_BENCH_TORCH", "/nowhere/python")
    ceiling = gpu.Ceiling()
    assert ceiling.look("float32") is None and ceiling.text() == "No ceilings: PyTorch did not say."
    ceiling.flops, ceiling.bandwidth = {"bfloat16": 790_000}, 4.3e12
    assert ceiling.text() == "Ceilings in this run: bfloat16 products 790 TFLOP/s, copies 4.30 TB/s."


def test_names_are_checked(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="nobody: expected one of mixnet"):
        contestants.chosen(["nobody"])
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    assert environments.python("torch") is None and not environments.works("torch")


def test_real_memory(side, paths):
    import latency

    sizes, reason = latency.real_memory(side("ours"), paths, paths)
    assert reason == "" and sizes[0] >= 0 and sizes[1] < 2**27
    assert latency.real_memory(side("absent"), paths, paths) == (None, "not installed")


@pytest.mark.parametrize("row", replay.ROWS, ids=lambda row: row[0])
def test_small_functions_do_the_same_in_every_way(row):
    ways = replay.sides(*row[1:])
    plain = ways["imperative"][0]().asnumpy()
    np.testing.assert_allclose(ways["replayed"][0]().asnumpy(), plain, rtol=1e-5, atol=1e-6)
    for _, step in ways.values():
        step()
    mx.nd.waitall()


def test_the_stores_side_pushes_pulls_and_copies():
    (ours,) = contestants.stores([])
    try:
        questions = [{"do": "large", "size": 1000, "devices": 2, "what": what} for what in ("push", "pull")]
        questions += [{"do": "small", "count": 5, "how": how} for how in ("lists", "one_by_one")]
        questions += [{"do": "copy", "size": 1000, "threads": 2}]
        assert all(ours.ask(**question)["seconds"] > 0 for question in questions)
    finally:
        ours.stop()


@pytest.fixture(scope="module")
def tiny():
    return operator_calls.Arrays(mx, tiny=True)


@pytest.mark.parametrize(("name", "gradient"), operator_calls.names())
def test_operators_of_the_survey_run(tiny, name, gradient):
    operator_calls.call(mx, tiny, name, gradient)()
