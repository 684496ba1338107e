"""mx.profiler and `mixnet profile`: traces are valid, operators and memory appear, sums are right, mistakes are errors."""

import json
import os
import pathlib
import subprocess
import sys
import threading

import mixnet as mx
import numpy as np
import pytest

profiler = mx.profiler
PACKAGE = pathlib.Path(mx.__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def session(tmp_path):
    """A configured profiler with nothing in it, off again afterwards."""
    mx.nd.waitall()
    profiler.set_config(filename=str(tmp_path / "trace.json"), profile_all=True)
    profiler._session.finished = True
    yield tmp_path / "trace.json"
    profiler.set_state("stop")
    profiler.set_config(profile_all=True)


def events(path):
    """Events of a trace after checking that it is one: known phases, times, and spans of a thread that nest."""
    trace = json.loads(path.read_text())
    found, spans = trace["traceEvents"], {}
    for event in found:
        assert event["ph"] in "XCiM" and isinstance(event["name"], str) and isinstance(event["pid"], int) and isinstance(event["tid"], int)
        if event["ph"] == "X":
            assert event["ts"] >= 0 and event["dur"] >= 0
            # The text has whole nanoseconds; sums of binary fractions would not.
            begin = round(event["ts"] * 1000)
            spans.setdefault(event["tid"], []).append((begin, begin + round(event["dur"] * 1000), event["cat"]))
        if event["ph"] == "C":
            assert all(isinstance(value, int) for value in event["args"].values())
    for of_thread in spans.values():
        open_ends = []
        for begin, end, category in sorted(of_thread, key=lambda span: (span[0], -span[1])):
            if category in ("operator", "engine", "api"):
                open_ends = [other for other in open_ends if other > begin]
                assert all(end <= other for other in open_ends)
                open_ends.append(end)
    return found


def sums():
    return json.loads(profiler.dumps(format="json"))


def train(steps=3):
    data, label = mx.sym.Variable("data"), mx.sym.Variable("softmax_label")
    net = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=16, name="fc1"), act_type="relu", name="relu1")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="fc2"), label, name="softmax")
    x, y = np.random.rand(steps * 8, 10).astype("float32"), np.arange(steps * 8) % 3
    module = mx.mod.Module(net)
    module.fit(mx.io.NDArrayIter(x, y, batch_size=8), num_epoch=1, optimizer="sgd", kvstore=mx.kv.create("local"))
    mx.nd.waitall()


def test_a_training_loop(session):
    profiler.set_state("run")
    train(steps=3)
    profiler.set_state("stop")
    table = profiler.dumps()
    profiler.dump()
    found = events(session)
    nodes = {(e["name"], e["args"]["node"]) for e in found if e.get("cat") == "operator" and "node" in e.get("args", {})}
    names = {name for _, name in nodes}
    assert {"fc2", "softmax"} <= names and names & {"fc1", "fc1+relu1"}  # with oneDNN the layer takes its activation along
    times = sums()["Time"]
    assert sum(t["Count"] for name, t in times["operator"].items() if name.startswith("FullyConnected")) == 6
    assert times["operator"]["SoftmaxOutput"]["Count"] == 3
    assert any(name.startswith("forward of") for name in times["engine"]) and any(name.startswith("backward of") for name in times["engine"])
    assert "kvstore push" in times["api"] and "kvstore pull" in times["api"] and "wait_all" in times["api"]
    for name in ("operator", "engine", "api", "FullyConnected", "Device Storage"):
        assert name in table
    names = {e["args"]["name"] for e in found if e["name"] == "thread_name"}
    assert "main" in names


def test_sums_are_those_of_the_trace(session):
    profiler.start()
    a = mx.nd.ones((50, 50))
    for _ in range(10):
        a = mx.nd.dot(a, a) * 0.5
    mx.nd.waitall()
    profiler.stop()
    profiler.dump(finished=False)
    by_name = {}
    for event in events(session):
        if event["ph"] == "X":
            by_name.setdefault((event["cat"], event["name"]), []).append(event["dur"] / 1000)
    times = {(category, name): row for category, names in sums()["Time"].items() for name, row in names.items()}
    assert by_name.keys() == times.keys() and ("operator", "dot") in times
    for key, row in times.items():
        durations = by_name[key]
        assert row["Count"] == len(durations)
        assert row["Total"] == pytest.approx(sum(durations), rel=1e-6, abs=1e-9)
        assert (row["Min"], row["Max"]) == pytest.approx((min(durations), max(durations)))
        assert row["Avg"] == pytest.approx(row["Total"] / row["Count"])
    assert times["operator", "dot"]["Count"] == 10


def test_memory_goes_up_and_down(session):
    profiler.set_state("run")
    for _ in range(3):
        big = mx.nd.ones((512, 1024))
        big.wait_to_read()
        del big
        mx.nd.waitall()
    profiler.set_state("stop")
    profiler.dump()
    counters = [e for e in events(session) if e["ph"] == "C" and e["name"] == "Memory: cpu/0"]
    values = [e["args"]["value"] for e in sorted(counters, key=lambda e: e["ts"])]
    steps = np.diff(values)
    assert (steps >= 2 << 20).sum() >= 2 and (steps <= -(2 << 20)).sum() >= 3
    row = sums()["Memory"]["Device Storage"]["Memory: cpu/0"]
    assert row["Max"] * 1000 == max(values) and row["Count"] == len(values)


def test_parts_can_be_left_out(session):
    profiler.set_config(profile_imperative=False, profile_memory=False, profile_api=False)
    profiler.set_state("run")
    (mx.nd.ones((3,)) + 1).wait_to_read()
    profiler.set_state("stop")
    found = sums()
    assert set(found["Time"]) == {"engine"} and found["Memory"] == {}


def test_off_records_nothing(session):
    profiler.set_state("run")
    profiler.set_state("stop")
    (mx.nd.ones((3,)) + 1).wait_to_read()
    with profiler.scope("unseen"):
        profiler.Domain("d").new_marker("m").mark()
    assert sums()["Time"] == {} and sums()["Memory"] == {} and sums()["Counter"] == {}


def test_pause_and_resume(session):
    one, three = mx.nd.ones((1,)), mx.nd.ones((3,))
    mx.nd.waitall()
    profiler.resume()
    mx.nd.square(one)
    mx.nd.waitall()
    profiler.set_state("run")
    mx.nd.square(one)
    mx.nd.waitall()
    profiler.pause()
    mx.nd.sqrt(three)
    mx.nd.waitall()
    profiler.resume()
    mx.nd.square(one)
    mx.nd.waitall()
    operators = sums()["Time"]["operator"]
    assert operators["square"]["Count"] == 2 and "sqrt" not in operators


def test_a_finished_dump_ends_a_session(session):
    a = mx.nd.ones((1,))
    for _ in range(2):
        profiler.set_state("run")
        mx.nd.square(a).wait_to_read()
        profiler.dump(finished=True)
        mx.nd.square(a).wait_to_read()
        assert sums()["Time"]["operator"]["square"]["Count"] == 1
    profiler.set_state("run")
    mx.nd.square(a).wait_to_read()
    profiler.dump(finished=False)
    mx.nd.square(a).wait_to_read()
    profiler.set_state("stop")
    profiler.set_state("run")
    assert sums()["Time"]["operator"]["square"]["Count"] == 2


def test_reset_restarts_the_sums_alone(session):
    profiler.set_state("run")
    mx.nd.square(mx.nd.ones((1,))).wait_to_read()
    assert "square" in profiler.dumps(reset=True)
    assert "square" not in profiler.dumps()
    profiler.dump()
    assert any(e["name"] == "square" for e in events(session))


def test_order_of_the_table(session):
    profiler.set_state("run")
    domain = profiler.Domain("mine")
    for name, count in (("b", 3), ("a", 1), ("c", 2)):
        for _ in range(count):
            with domain.new_task(name):
                pass
    by_count = lambda **order: list(json.loads(profiler.dumps(format="json", sort_by="count", **order))["Time"]["mine"])
    assert by_count() == ["b", "c", "a"] and by_count(ascending=True) == ["a", "c", "b"]
    lines = [line.split()[0] for line in profiler.dumps(sort_by="count").splitlines() if line[:1] in ("a", "b", "c") and " 0." in line]
    assert lines == ["b", "c", "a"]


def test_events_of_the_program(session):
    profiler.set_state("run")
    domain = profiler.Domain("mine")
    task, frame, event = domain.new_task("task"), domain.new_frame("frame"), profiler.Event("alone")
    task.start()
    frame.start()
    thread = threading.Thread(target=task.stop)
    thread.start()
    thread.join()
    frame.stop()
    with event:
        counter = domain.new_counter("count", 5)
        counter += 3
        counter -= 1
        counter.increment()
        counter.decrement(6)
    domain.new_marker("here").mark()
    with profiler.scope("outer"):
        with profiler.scope("inner:"):
            pass
        with profiler.scope("other", append_mode=False):
            pass
    profiler.dump()
    found = events(session)
    assert [e["args"]["value"] for e in found if e["name"] == "count"] == [5, 8, 7, 8, 2] and counter.value == 2
    kinds = {(e["cat"], e["name"], e["ph"]) for e in found if "cat" in e}
    assert {("mine", "task", "X"), ("mine", "frame", "X"), ("event", "alone", "X"), ("mine", "here", "i")} <= kinds
    assert {name for category, name, _ in kinds if category == "scope"} == {"outer", "outer:inner", "other"}
    assert (str(domain), str(task), str(counter)) == ("mine", "task", "count")


def test_the_bound_is_told(session):
    profiler.set_config(max_events=1024)
    profiler.set_state("run")
    marker = profiler.Domain("mine").new_marker("m")
    for _ in range(3000):
        marker.mark()
    profiler.dump()
    found = sums()
    assert found["Time"]["mine"]["m"]["Count"] + found["Dropped"] == 3000 and found["Dropped"] > 1000
    assert "found no room" in profiler.dumps()
    assert json.loads(session.read_text())["otherData"]["dropped"] == found["Dropped"]


def test_continuous_dump(session):
    profiler.set_config(filename=session, continuous_dump=True, dump_period=0.02)
    profiler.set_state("run")
    for _ in range(500):
        mx.nd.square(mx.nd.ones((1,))).wait_to_read()
        if session.exists():
            break
        threading.Event().wait(0.01)
    assert session.exists()
    profiler.set_state("stop")


def test_a_forked_child_begins_anew(session):
    profiler.set_state("run")
    mx.nd.square(mx.nd.ones((1,))).wait_to_read()
    child = os.fork()
    if child == 0:
        clean = sums()["Time"] == {} and not profiler._session.running
        profiler.set_state("run")
        mx.nd.sqrt(mx.nd.ones((1,))).wait_to_read()
        os._exit(0 if clean and "sqrt" in sums()["Time"]["operator"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert sums()["Time"]["operator"]["square"]["Count"] == 1


def test_old_names(session):
    profiler.profiler_set_config(mode="imperative", filename=str(session))
    profiler.profiler_set_state("run")
    mx.nd.square(mx.nd.ones((1,))).wait_to_read()
    profiler.profiler_set_state("stop")
    assert sums()["Memory"] == {} and "square" in sums()["Time"]["operator"]
    profiler.dump_profile()
    assert any(e["name"] == "square" for e in events(session))


@pytest.mark.parametrize(
    "call",
    [
        lambda: profiler.set_config(bad=1),
        lambda: profiler.set_config(profile_all="yes"),
        lambda: profiler.set_config(filename=""),
        lambda: profiler.set_config(filename=3),
        lambda: profiler.set_config(dump_period=0),
        lambda: profiler.set_config(max_events=-1),
        lambda: profiler.set_config(profile_process="server"),
        lambda: profiler.set_state("x"),
        lambda: profiler.set_state("run", profile_process="server"),
        lambda: profiler.pause("server"),
        lambda: profiler.dumps(format="x"),
        lambda: profiler.dumps(sort_by="x"),
        lambda: profiler.dumps(ascending=3),
        lambda: profiler.profiler_set_config(mode="x"),
        lambda: profiler.set_kvstore_handle(object()),
        lambda: profiler.Task("d", "t"),
        lambda: profiler.Event(3),
        lambda: profiler.Event("e").stop(),
        lambda: profiler.Domain("d").new_counter("c", 1.5),
        lambda: profiler.Domain("d").new_counter("c", 2**63),
        lambda: profiler.Domain("d").new_marker("m").mark("x"),
        lambda: profiler.scope(3),
    ],
)
def test_mistakes(call):
    with pytest.raises(mx.MXNetError, match=r"\[profiler\] .*expected .*, got "):
        call()


def test_a_file_that_cannot_be_written(tmp_path):
    profiler.set_config(filename=str(tmp_path / "no" / "folder" / "x.json"))
    with pytest.raises(mx.MXNetError, match="cannot write"):
        profiler.dump()


# --- the command line ------------------------------------------------------------------------------------------------


def command(folder, *arguments, **environment):
    env = dict(os.environ, PYTHONPATH=str(PACKAGE), **environment)
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=120)


SCRIPT = """
import sys
import mixnet as mx
import beside
print("arguments", sys.argv[1:], __name__, beside.VALUE)
a = mx.nd.ones((20, 20))
b = mx.nd.dot(a, a)
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def test_profile_command(script, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    ran = command(folder, "-m", "mixnet", "profile", "--out", "t.json", "--sort-by", "count", str(script), "--steps", "3")
    assert ran.returncode == 0, ran.stderr
    assert "arguments ['--steps', '3'] __main__ 7" in ran.stdout
    assert "Profile Statistics" in ran.stdout and "\ndot " in ran.stdout
    assert any(e["name"] == "dot" and e["cat"] == "operator" for e in events(folder / "t.json"))


@pytest.mark.parametrize("last, code", [("sys.exit(3)", 3), ("raise ValueError('on purpose')", 1), ("mx.engine.push(lambda: 1 / 0)", 1)])
def test_profile_command_when_the_script_fails(script, tmp_path, last, code):
    script.write_text(SCRIPT + last + "\n")
    ran = command(tmp_path, "-m", "mixnet", "profile", str(script))
    assert ran.returncode == code
    assert "Profile Statistics" in ran.stdout and any(e["name"] == "dot" for e in events(tmp_path / "profile.json"))


def test_the_installed_command_is_this_one():
    import mixnet.__main__

    pyproject = (PACKAGE.parents[1] / "pyproject.toml").read_text()
    assert '\nmixnet = "mixnet.__main__:main"\n' in pyproject and callable(mixnet.__main__.main)


def test_profile_command_mistakes(tmp_path):
    missing = command(tmp_path, "-m", "mixnet", "profile", "missing.py")
    assert missing.returncode == 1 and "[profile] script: expected a Python file, got missing.py" in missing.stderr
    assert command(tmp_path, "-m", "mixnet").returncode == 2
    assert not (tmp_path / "profile.json").exists()


@pytest.mark.parametrize("name", ["MIXNET_PROFILER_AUTOSTART", "MXNET_PROFILER_AUTOSTART"])
def test_autostart(script, tmp_path, name):
    ran = command(tmp_path, str(script), **{name: "1"})
    assert ran.returncode == 0, ran.stderr
    assert any(e["name"] == "dot" for e in events(tmp_path / "profile.json"))


def test_storage_fallbacks_are_counted(session):
    sparse = mx.nd.ones((3, 4)).tostype("csr")
    profiler.set_state("run")
    for _ in range(2):
        mx.nd.softmax(sparse)
    mx.nd.dot(sparse, mx.nd.ones((4, 2)))
    mx.nd.waitall()
    profiler.set_state("stop")
    profiler.dump()
    counted = [e["args"]["value"] for e in events(session) if e["ph"] == "C" and e["name"] == "storage fallbacks"]
    assert len(counted) == 2 and counted[1] == counted[0] + 1
