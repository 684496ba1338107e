"""mixnet simulate: cases whose times are known in closed form, groups against single machines, recording, the file, the command."""

import json
import math
import pathlib
import re
import subprocess
import sys

import mixnet as mx
import numpy as np
import pytest
from mixnet.simulate import Cluster, Step, Trace, groups, placement, quantity, record, simulate

MB = 1_000_000
RECORDED = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "traces" / "inception_bn.json"
FREE = {"latency": 0.0, "sum_rate": math.inf, "update_rate": math.inf, "request_cost": 0.0}


def one_key(size=4 * MB, compute=0.1, need=0.0, ready=None):
    return Trace(["w"], [size], [Step(compute, [need], [compute if ready is None else ready])])


def many_keys(count=20, size=300_000, compute=0.2):
    """Ready one after the other from the last to the first, needed from the first to the last."""
    need = [0.3 * compute * i / count for i in range(count)]
    ready = [0.4 * compute + 0.6 * compute * (count - i) / count for i in range(count)]
    return Trace([f"k{i}" for i in range(count)], [size + 1000 * i for i in range(count)], [Step(compute, need, ready)], samples=32)


def step_time(trace, **settings):
    return simulate(trace, Cluster(**{**FREE, **settings})).step_time


def test_a_free_network_costs_nothing():
    for staleness in (0, 2, math.inf):
        found = simulate(many_keys(), Cluster(workers=7, servers=2, bandwidth=math.inf, staleness=staleness, **FREE))
        assert found.step_time == pytest.approx(0.2, rel=1e-9)
        assert found.efficiency == pytest.approx(1) and found.speedup == pytest.approx(7)
        assert found.samples_per_second == pytest.approx(7 * 32 / 0.2)


def test_one_worker_one_key():
    # Up and down at 1e9 bytes a second, two latencies, a sum and an update; a message flows through while it arrives.
    found = step_time(one_key(), bandwidth=1e9, latency=1e-3, sum_rate=2e9, update_rate=1e9, request_cost=1e-4)
    assert found == pytest.approx(0.1 + 2 * 0.004 + 2 * 0.001 + 0.002 + 0.004 + 0.0001, rel=1e-9)


def test_what_is_needed_late_and_ready_early_hides():
    # 8 ms of network between the gradient, 50 ms before the end, and the need, 20 ms after the start.
    assert step_time(one_key(need=0.02, ready=0.05), bandwidth=1e9) == pytest.approx(0.1, rel=1e-9)
    # 100 ms of it: 30 ms too long.
    assert step_time(one_key(need=0.02, ready=0.05), bandwidth=8e7) == pytest.approx(0.1 + 0.1 - 0.07, rel=1e-9)


@pytest.mark.parametrize("workers", [1, 3, 10, 1000])
def test_a_servers_link_is_shared(workers):
    found = simulate(one_key(), Cluster(workers=workers, bandwidth=1e9, **FREE))
    assert found.step_time == pytest.approx(0.1 + 2 * workers * 0.004, rel=1e-9)
    assert found.busiest == ("server link" if workers > 1 else found.busiest)


def test_a_wider_link_of_the_server():
    assert step_time(one_key(), workers=4, bandwidth=1e9, server_bandwidth=4e9) == pytest.approx(0.1 + 2 * 0.004, rel=1e-9)


def test_all_traffic_through_one_link():
    # 3 workers push and pull 4 MB through 1e9 bytes a second.
    assert step_time(one_key(), workers=3, servers=3, bandwidth=math.inf, shared=1e9) == pytest.approx(0.1 + 6 * 0.004, rel=1e-9)


def test_messages_cost_processors_that_all_share():
    # 12 messages of 1 MB there and as many back, 1 ms of traffic and 2 ms besides each; joined ones cost as many as they were.
    shared = {"workers": 3, "servers": 3, "bandwidth": math.inf, "shared": 1e9, "shared_cost": 2e-3, "part_bytes": MB}
    assert step_time(one_key(), **shared) == pytest.approx(0.1 + 24 * 0.003, rel=1e-9)
    # Small ones are bound by it alone, on one server too.
    found = step_time(many_keys(20, 1, 1e-6), workers=4, bandwidth=math.inf, shared=1e12, shared_cost=1e-4)
    assert found == pytest.approx(2 * 4 * 20 * 1e-4, rel=0.01)
    with pytest.raises(ValueError, match="shared_cost: expected 0 without a shared bandwidth, got 0.001"):
        Cluster(shared_cost=1e-3)


def test_parts_are_spread_over_servers():
    # 8 parts of 1 MB on 8 servers with links as fast as the worker's: its own link bounds it, both ways, and the last part follows.
    found = simulate(one_key(8 * MB), Cluster(servers=8, bandwidth=1e9, part_bytes=MB, **FREE))
    assert found.imbalance == pytest.approx(1)
    assert found.step_time == pytest.approx(0.1 + 0.008 + 0.001, rel=1e-9)
    # On one server and with 8 workers every part is 8 times as long there.
    found = step_time(one_key(8 * MB), workers=8, bandwidth=1e9, part_bytes=MB)
    assert found == pytest.approx(0.1 + 0.064 + 0.008, rel=1e-9)


def test_parts_as_the_store_makes_them():
    # FNV-1a of "a" is 0xaf63dc4c8601ec8c.
    assert placement.parts("a", 10, 10, 1000) == [(0xAF63DC4C8601EC8C % 1000, 10)]
    cut = placement.parts("w", 10 * MB, 4 * MB, 2)
    assert [size for _, size in cut] == [3_333_333, 3_333_333, 3_333_334] and cut[0][0] == cut[2][0] != cut[1][0]
    assert [size for _, size in placement.parts("w", 10, 9, 5)] == [2] * 5


def test_urgent_keys_overtake_what_waits_for_room():
    # `back` is ready first, 8 ms in 8 parts; `front` soon after, and needed at once; `back` is needed late.
    trace = Trace(["front", "back"], [MB, 8 * MB], [Step(0.1, [0.0, 0.05], [0.0901, 0.09])])
    near = {"bandwidth": 1e9, "part_bytes": MB, "server_bandwidth": math.inf}
    # One part is under way: front waits for 0.9 ms of it and is there and back after 2 ms, before the step ends.
    assert step_time(trace, window_bytes=MB, **near) == pytest.approx(0.1, rel=1e-9)
    # With room for all of back front is behind it: 8 ms and 1, and the answers follow.
    assert step_time(trace, window_bytes=16 * MB, **near) == pytest.approx(0.09 + 0.009 + 0.001, rel=1e-9)
    slower = {**near, "bandwidth": 0.5e9}
    assert step_time(trace, window_bytes=MB, **slower) == pytest.approx(0.1, rel=1e-9)
    assert step_time(trace, window_bytes=16 * MB, **slower) == pytest.approx(0.09 + 0.018 + 0.002, rel=1e-9)


def test_a_window_bounds_what_is_under_way():
    # 4 parts of 1 MB, 10 ms away: with a window of one part each waits for the answer to the one before.
    settings = {"bandwidth": 1e9, "latency": 0.01, "part_bytes": MB}
    wide = step_time(one_key(), window_bytes=16 * MB, **settings)
    assert wide == pytest.approx(0.1 + 0.004 + 0.02 + 0.001, rel=1e-9)
    assert step_time(one_key(), window_bytes=MB, **settings) == pytest.approx(0.1 + 3 * 0.021 + 0.022, rel=1e-9)


@pytest.mark.parametrize("servers", [1, 3])
def test_one_object_for_all_machines_is_exact(monkeypatch, servers):
    for settings in ({}, {"window_bytes": 500_000}, {"shared": 4e8}):
        cluster = Cluster(workers=6, servers=servers, bandwidth=3e8, part_bytes=200_000, **settings)
        together = simulate(many_keys(), cluster)
        with monkeypatch.context() as patch:
            patch.setattr(groups, "sizes", lambda *_: [1] * 6)
            alone = simulate(many_keys(), cluster)
        assert (together.groups, alone.groups) == (1, 6)
        assert together.step_time > 0.203 and together.step_time == pytest.approx(alone.step_time, rel=0.01)


def test_slow_machines_in_groups(monkeypatch):
    cluster = Cluster(workers=10, servers=2, bandwidth=3e8, straggle="slow:0.2:1.5")
    together = simulate(many_keys(), cluster)
    monkeypatch.setattr(groups, "sizes", lambda *_: [1] * 10)
    assert together.groups == 2
    assert together.step_time == pytest.approx(simulate(many_keys(), cluster).step_time, rel=0.02)


def test_the_slowest_sets_the_pace_of_all_or_not():
    slow = {"workers": 4, "bandwidth": math.inf, "straggle": "slow:0.25:3"}
    assert step_time(one_key(), **slow) == pytest.approx(0.3, rel=1e-9)
    # 3 machines at 10 steps a second, one at 10 / 3.
    assert step_time(one_key(), staleness=math.inf, **slow) == pytest.approx(4 / (3 * 10 + 10 / 3), rel=0.02)
    bounded = simulate(one_key(), Cluster(staleness=2, **slow, **FREE), steps=60)
    assert bounded.step_time == pytest.approx(0.3, rel=0.04)
    assert bounded.staleness["lead"] == 3


def test_staleness():
    assert simulate(many_keys(), Cluster(workers=4, straggle="uniform:0.1")).staleness == {"mean": 0, "p50": 0, "p95": 0, "max": 0, "lead": 1}
    # Machines that take turns: each push misses what the other 7 did since.
    found = simulate(many_keys(), Cluster(workers=8, staleness=math.inf, straggle="uniform:0.01"), steps=30).staleness
    assert found["p50"] == 7 and 6 < found["mean"] < 8 and found["max"] <= 14


def test_drawn_times():
    # The mean of the largest of 2 uniform numbers is 2/3: the last of two machines ends after 1 + 0.6 * 2/3 on average.
    found = step_time_of(2, "uniform:0.6", steps=3000)
    assert found == pytest.approx(0.1 * 1.4, rel=0.01)
    assert step_time_of(2, "uniform:0.6", steps=20) == step_time_of(2, "uniform:0.6", steps=20)


def step_time_of(workers, straggle, steps):
    return simulate(one_key(), Cluster(workers=workers, bandwidth=math.inf, straggle=straggle, **FREE), steps=steps).step_time


def test_groups_of_drawn_times(monkeypatch):
    cluster = Cluster(workers=200, servers=20, straggle="lognormal:0.2")
    alone = simulate(many_keys(), cluster, steps=6)
    monkeypatch.setattr(groups, "EVENTS", 60_000)
    together = simulate(many_keys(), cluster, steps=6)
    assert alone.groups == 200 and together.groups < 60
    assert together.step_time == pytest.approx(alone.step_time, rel=0.03)


def test_a_thousand_machines_take_seconds():
    cluster = Cluster(workers=1000, servers=1000, straggle="lognormal:0.1", staleness=math.inf)
    assert simulate(many_keys(100, 200_000), cluster, steps=3).events < 4_000_000
    assert simulate(many_keys(200, 200_000), Cluster(workers=1000, servers=1000)).events < 50_000


def test_the_papers_ten_machines():
    # 1,574 ms a step, 45 MB, 10 Gb/s: what is exposed are the first layers' gradients, a few milliseconds.
    trace = Trace.load(RECORDED).scaled(1.574)
    assert (trace.bytes, len(trace.names), trace.samples) == (45_140_896, 209, 36)
    assert 9.9 < simulate(trace, Cluster(workers=10, servers=10)).speedup < 10
    # A thousand push the largest key that is not cut, 2.4 MB or more, to one server.
    slow = simulate(trace, Cluster(workers=1000, servers=1000))
    largest = max(size for size in trace.sizes if size <= 4 << 20)
    assert slow.step_time > 1000 * largest / 1.25e9 and slow.busiest == "server link"


def module():
    x = mx.sym.Variable("data")
    for i, width in enumerate((64, 48)):
        x = mx.sym.Activation(mx.sym.FullyConnected(x, num_hidden=width, name=f"full{i}"), act_type="tanh", name=f"tanh{i}")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=10, name="full2"), name="softmax")
    made = mx.mod.Module(net)
    made.bind([("data", (32, 100))], [("softmax_label", (32,))])
    made.init_params()
    return made, mx.io.DataBatch([mx.nd.ones((32, 100))], [mx.nd.zeros((32,))])


def test_record():
    made, batch = module()
    before = {name: value.asnumpy() for name, value in made.get_params()[0].items()}
    trace = record(made, batch, steps=3, model="MLP")
    assert trace.names == [f"full{i}_{kind}" for i in range(3) for kind in ("weight", "bias")]
    assert trace.sizes == [4 * n for n in (6400, 64, 64 * 48, 48, 480, 10)]
    assert (len(trace.steps), trace.samples, trace.model) == (3, 32, "MLP")
    for step in trace.steps:
        assert step.need == [0.0] * 6 and 0 < min(step.ready) <= max(step.ready) <= step.compute
    assert all(np.array_equal(value.asnumpy(), before[name]) for name, value in made.get_params()[0].items())


def test_record_layers():
    made, batch = module()
    need = record(made, batch, steps=1, needs="layers").steps[0].need
    assert need[0] == need[1] == 0 and 0 <= need[2] == need[3] <= need[4] == need[5]
    assert need[4] > 0


def test_record_layers_after_a_recording_that_was_not_finished():
    earlier = mx.sym.tanh(mx.sym.Variable("data"), name="full1").simple_bind(mx.cpu(), data=(2, 2))
    mx.profiler.set_state("run")
    earlier.forward()
    mx.nd.waitall()
    mx.profiler.set_state("stop")
    made, batch = module()
    need = record(made, batch, steps=1, needs="layers").steps[0].need
    assert need[0] == need[1] == 0 < need[2]


def test_record_an_executor():
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc"), name="softmax")
    executor = net.simple_bind(mx.cpu(), grad_req={"data": "null", "softmax_label": "null", "fc_weight": "write", "fc_bias": "write"}, data=(6, 3))
    trace = record(executor, steps=2)
    assert (trace.names, trace.sizes, trace.samples, len(trace.steps)) == (["fc_weight", "fc_bias"], [48, 16], 6, 2)


def test_record_refuses():
    made, batch = module()
    for arguments in ({"needs": "x"}, {"steps": 0}):
        with pytest.raises(ValueError, match=r"\[simulate\] (needs|steps): expected"):
            record(made, batch, **arguments)
    for net in (mx.mod.Module(made.symbol), 3):
        with pytest.raises(ValueError, match="net: expected an Executor or a bound Module"):
            record(net, batch)


def test_file(tmp_path):
    trace = many_keys()
    trace.save(tmp_path / "t.json")
    loaded = Trace.load(tmp_path / "t.json")
    assert loaded.names == trace.names and loaded.sizes == trace.sizes and loaded.samples == 32
    assert vars(loaded.steps[0]) == vars(trace.steps[0])
    assert loaded.scaled(2.0).compute == pytest.approx(2.0)
    assert loaded.scaled(2.0).steps[0].need[3] == pytest.approx(trace.steps[0].need[3] * 10)


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda text: text.update(format="x"), "expected a trace"),
        (lambda text: text.update(version=2), "version: expected 1, got 2"),
        (lambda text: text.update(keys=[]), "keys: expected at least one"),
        (lambda text: text["keys"][0].update(bytes=-1), "bytes of w: expected an integer above 0, got -1"),
        (lambda text: text["keys"].append(text["keys"][0]), "keys: expected every name once"),
        (lambda text: text["keys"][0].pop("name"), "expected keys and steps"),
        (lambda text: text.update(steps=3), "expected keys and steps"),
        (lambda text: text.update(steps=[]), "steps: expected at least one"),
        (lambda text: text.update(samples=0), "samples: expected"),
        (lambda text: text["steps"][0].update(need=[0, 1]), "need: expected 1 times"),
        (lambda text: text["steps"][0].update(ready=["x"]), "ready: expected 1 times"),
        (lambda text: text["steps"][0].update(compute=math.nan), "compute: expected"),
        (lambda text: text["steps"][0].update(need=[0.09], ready=[0.05]), "ready: expected no gradient before"),
        (lambda text: text["steps"][0].update(ready=[0.2]), "ready: expected gradients within"),
    ],
)
def test_wrong_files(tmp_path, change, complaint):
    path = tmp_path / "t.json"
    one_key().save(path)
    text = json.loads(path.read_text())
    change(text)
    path.write_text(json.dumps(text))
    with pytest.raises(ValueError, match=re.escape("[simulate] ") + f".*{complaint}"):
        Trace.load(path)


WRONG = [{"workers": 0}, {"bandwidth": 0}, {"latency": -1}, {"straggle": "slow:2:2"}, {"straggle": "lognormal"}, {"straggle": "x:1"}]


@pytest.mark.parametrize("settings", WRONG)
def test_wrong_clusters(settings):
    with pytest.raises(ValueError, match=r"\[simulate\] " + next(iter(settings))):
        Cluster(**settings)


def test_quantities():
    assert quantity("10Gbit", "bandwidth") == 1.25e9 and quantity("1 GB/s", "bandwidth") == 1e9
    assert quantity("100us", "time") == pytest.approx(1e-4) and quantity("4MiB", "size") == 4 << 20 and quantity("inf", "bandwidth") == math.inf
    for text, kind in (("10", "bandwidth"), ("x", "time"), ("4 apples", "size"), ("-1s", "time")):
        with pytest.raises(ValueError, match=f"{kind}: expected a number with one of"):
            quantity(text, kind)


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "mixnet", "simulate", *map(str, arguments)], capture_output=True, text=True, timeout=120)


def test_command(tmp_path):
    many_keys().save(tmp_path / "t.json")
    done = command(tmp_path / "t.json", "--workers", 1, 8, "--servers", 2, "--mode", "async", "--straggle", "uniform:0.1", "--plot", tmp_path / "p.png")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "a net: 20 keys, 6.2 MB, 200 ms a step, 32 samples"
    assert [line.split()[:2] for line in lines[3:5]] == [["1", "2"], ["8", "2"]]
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("arguments", [["--mode", "late"], ["--bandwidth", "fast"], ["--workers", "0"], ["--steps", "0"]])
def test_command_refuses(tmp_path, arguments):
    one_key().save(tmp_path / "t.json")
    done = command(tmp_path / "t.json", *arguments)
    assert done.returncode == 1 and re.fullmatch(r"\[simulate\] \w+: expected .*, got .*\n", done.stderr)
    assert "No such file" in command(tmp_path / "none.json").stderr
