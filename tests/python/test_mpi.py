"""dist_allreduce over real MPI processes: sums, training, order, failures. Every worker writes what it saw to a file.

tools/toolchains/mpi.sh installs MPI; where it cannot, the tests are skipped with its reason (in CI that is a failure).
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import mixnet as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
NET = -7
INVALID = -1

PREFACE = """
import json, os, signal, sys, time
import numpy as np
import mixnet as mx
folder = sys.argv[1]
seen = {}
def write():
    path = os.path.join(folder, f"{kv.rank}.json")
    with open(path + ".new", "w") as file:
        json.dump(seen, file)
    os.rename(path + ".new", path)
def fails(what):
    begin = time.time()
    try:
        what()
    except mx.base.MXNetError as error:
        return [error.code, str(error), time.time() - begin]
    return None
def pulled(key, like):
    out = mx.nd.zeros(like.shape, dtype=like.dtype)
    kv.pull(key, out=out)
    return out.asnumpy()
kv = mx.kv.create("dist_allreduce")
rank, size = kv.rank, kv.num_workers
"""


@pytest.fixture(scope="session")
def mpi(tmp_path_factory):
    """Installs MPI, or skips; the environment in which workers find a plug-in."""
    script = ROOT / "tools" / "toolchains" / "mpi.sh"
    result = subprocess.run(["bash", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    assert result.returncode in (0, 3), result.stdout[-4000:]
    if result.returncode == 3:
        reason = (result.stdout.strip().splitlines() or ["no reason given"])[-1]
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no toolchain: mpi, {reason}")
    if (library_folder() / "libmixnet_mpi.so").exists():
        return {}
    # The library was built before MPI was there.
    plugin = tmp_path_factory.mktemp("mpi") / "libmixnet_mpi.so"
    compiler = ["mpicxx", "-std=c++17", "-shared", "-fPIC", "-DOMPI_SKIP_MPICXX", "-DMPICH_SKIP_MPICXX", f"-I{ROOT / 'src'}"]
    subprocess.run([*compiler, ROOT / "src" / "kvstore" / "mpi" / "plugin.cc", "-o", plugin], check=True)
    return {"MIXNET_MPI_PLUGIN": str(plugin)}


def library_folder():
    with open("/proc/self/maps") as file:
        return next(pathlib.Path(line.split()[-1]).parent for line in file if "libmixnet.so" in line)


class Workers:
    """Processes under mpirun, and what they wrote."""

    def __init__(self, folder, environment, text, count, options):
        self.folder, self.count = folder, count
        program = folder / "worker.py"
        program.write_text(PREFACE + textwrap.dedent(text))
        launcher = ["mpirun", "--oversubscribe", *options, "-n", str(count)]
        if os.getuid() == 0:
            launcher.insert(1, "--allow-run-as-root")
        everything = {**os.environ, "OMPI_MCA_btl_base_warn_component_unused": "0", **environment}
        self.process = subprocess.Popen(
            [*launcher, sys.executable, str(program), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=everything,
            start_new_session=True,
        )

    def end(self, timeout=100):
        """Exit code and output."""
        try:
            output = self.process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"the workers hang\n{self.process.communicate()[0][-4000:]}") from None
        return self.process.returncode, output

    def seen(self, rank, timeout=60):
        """What a worker wrote, as soon as it has."""
        path, end = self.folder / f"{rank}.json", time.time() + timeout
        while not path.exists():
            if time.time() > end or (self.process.poll() is not None and not path.exists()):
                os.killpg(self.process.pid, signal.SIGKILL) if self.process.poll() is None else None
                raise AssertionError(f"worker {rank} wrote nothing\n{self.process.communicate()[0][-4000:]}")
            time.sleep(0.02)
        return json.loads(path.read_text())


@pytest.fixture
def workers(mpi, tmp_path):
    """workers(text, count=2, NAME=value) runs the text in so many processes, which must end well; what each put into `seen`."""
    started = []

    def start(text, count=2, options=(), **environment):
        started.append(Workers(tmp_path, {**mpi, **environment}, text, count, options))
        return started[-1]

    def run(text, count=2, **environment):
        group = start(textwrap.dedent(text) + "\nwrite()\n", count, **environment)
        code, output = group.end()
        assert code == 0, output[-4000:]
        return [group.seen(rank) for rank in range(count)]

    run.start = start
    yield run
    for group in started:
        if group.process.poll() is None:
            os.killpg(group.process.pid, signal.SIGKILL)
            group.process.wait()


def test_sums_over_devices_and_workers(workers):
    text = """
    kv.init("w", mx.nd.full((2, 3), rank + 5.0))
    seen["first"] = pulled("w", mx.nd.zeros((2, 3))).tolist()
    kv.push("w", [mx.nd.full((2, 3), rank + 1.0), mx.nd.full((2, 3), 10.0)])
    seen["sum"] = pulled("w", mx.nd.zeros((2, 3))).tolist()
    seen["size"] = [rank, size, kv.type]
    kv.barrier()
    """
    for rank, seen in enumerate(workers(text, 3)):
        assert seen["size"] == [rank, 3, "dist_allreduce"]
        assert seen["first"] == [[5.0] * 3] * 2
        assert seen["sum"] == [[36.0] * 3] * 2


def test_every_dtype_small_and_in_parts(workers):
    text = """
    seen["wrong"] = []
    for dtype in ("float32", "float64", "float16", "bfloat16", "int32", "int64", "int8", "uint8"):
        for count in (0, 1, 1000, 3_000_001):
            key = f"{dtype} {count}"
            values = [mx.nd.array(np.arange(count) % 5 + rank + d, dtype="float32").astype(dtype) for d in range(rank + 1)]
            kv.init(key, mx.nd.zeros((count,), dtype=dtype))
            kv.push(key, values if rank else values[0])
            expected = sum(np.arange(count) % 5 + r + d for r in range(size) for d in range(r + 1))
            out = mx.nd.zeros((count,), dtype=dtype)
            kv.pull(key, out=out)
            if not np.array_equal(out.astype("float32").asnumpy(), expected):
                seen["wrong"].append(key)
    seen["bool"] = fails(lambda: kv.init("b", mx.nd.zeros((3,), dtype="bool")))
    """
    for seen in workers(text):
        assert seen["wrong"] == []
        assert "expected a number, got bool" in seen["bool"][1]


def test_blocks_train_like_one_process_on_the_whole_batch(workers):
    text = """
    from mixnet import autograd, gluon

    def trained(kvstore, part, parts):
        net = gluon.nn.HybridSequential(prefix="net_")
        net.add(gluon.nn.Dense(8, activation="tanh", in_units=5), gluon.nn.Dense(3, in_units=8))
        net.initialize()
        for i, p in enumerate(net.collect_params().values()):
            # All begin with the first worker's.
            p.set_data(mx.nd.array(np.random.RandomState(i).uniform(-1, 1, p.shape)) + part)
        net.hybridize()
        trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.1}, kvstore=kvstore)
        trainer.allreduce_grads()
        x, y = np.random.RandomState(9).uniform(-1, 1, (8, 5)), np.arange(8) % 3
        x, y = (mx.nd.array(value[part::parts]) for value in (x, y))
        loss = gluon.loss.SoftmaxCrossEntropyLoss()
        for step in range(6):
            with autograd.record():
                value = loss(net(x), y)
            value.backward()
            if step == 3:
                trainer.set_learning_rate(0.02)
            trainer.step(8)
        return np.concatenate([p.data().asnumpy().ravel() for p in net.collect_params().values()])

    seen["apart"] = float(np.abs(trained(kv, rank, size) - trained(None, 0, 1)).max())
    kv.barrier()
    """
    for seen in workers(text):
        assert seen["apart"] < 1e-6


def test_updater_runs_on_every_worker(workers):
    text = """
    def step(key, received, stored):
        stored -= 0.5 * received
    kv.set_updater(step)
    kv.init(3, mx.nd.ones((4,)))
    for i in range(10):
        kv.push(3, mx.nd.ones((4,)) * (rank + i))
    seen["value"] = pulled(3, mx.nd.zeros((4,))).tolist()
    """
    for seen in workers(text):
        assert seen["value"] == [1 - 0.5 * sum(2 * i + 1 for i in range(10))] * 4


def test_pushpull_goes_straight_to_the_outputs(workers):
    text = """
    one = lambda value: mx.nd.full((2, 600_000), float(value))
    kv.init(["a", "b"], [one(0), one(0)])
    value, out = one(rank + 1), one(0)
    kv.pushpull("a", value, out)
    kv.pushpull("b", value, value)
    seen["plain"] = [float(x.asnumpy().min()) for x in (out, value)]
    devices, outs = [one(1), one(rank)], [one(0), one(0)]
    kv.pushpull(["a", "a"], devices, outs)
    kv.pushpull(["a", "a"], devices, devices)
    seen["devices"] = [float(x.asnumpy().max()) for x in outs + devices]
    whole = mx.nd.zeros((4, 600_000))
    kv.pushpull("b", one(3), whole[1:3])
    seen["view"] = whole.asnumpy().mean(axis=1).tolist()
    kv.push("a", one(5))
    kv.pushpull("a", one(6), out)
    kv.push("a", one(7))
    seen["stored"] = float(pulled("a", out).min())
    def step(key, received, stored):
        stored += received
    kv.set_updater(step)
    kv.pushpull("a", one(1), out)
    seen["updated"] = float(out.asnumpy().max())
    """
    for seen in workers(text):
        assert seen["plain"] == [3.0, 3.0]
        assert seen["devices"] == [3.0, 3.0, 3.0, 3.0]
        assert seen["view"] == [0.0, 6.0, 6.0, 0.0]
        assert seen["stored"] == 14.0
        assert seen["updated"] == 16.0


def test_any_order_and_many_keys(workers):
    text = """
    keys = [f"k{i}" for i in range(1000)]
    kv.init(keys, [mx.nd.zeros((i % 30 + 1,)) for i in range(1000)])
    order = np.random.RandomState(rank).permutation(1000)
    for step in range(3):
        for i in order:
            kv.push(keys[i], mx.nd.full((int(i) % 30 + 1,), float(i + rank + step)), priority=int(order[i]))
    outs = [mx.nd.zeros((i % 30 + 1,)) for i in range(1000)]
    kv.pull(keys, outs)
    seen["wrong"] = [i for i in range(1000) if (outs[i].asnumpy() != 2 * (i + 2) + 1).any()]
    """
    for seen in workers(text, MIXNET_ENGINE="threaded"):
        assert seen["wrong"] == []


TRAINING = """
rng = np.random.RandomState(3)
x, y = rng.randn(640, 20).astype("float32"), rng.randint(0, 4, 640).astype("float32")
def train(kvstore, data, labels, batch, optimizer, options):
    mx.random.seed(7)
    np.random.seed(7)
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=32, name="fc1")
    net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="tanh"), num_hidden=4, name="fc2")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    module = mx.mod.Module(net, context=mx.cpu())
    module.fit(mx.io.NDArrayIter(data, labels, batch), num_epoch=3, kvstore=kvstore, optimizer=optimizer,
               optimizer_params=options, initializer=mx.init.Xavier())
    return {name: value.asnumpy() for name, value in module.get_params()[0].items()}
def shard(a):
    return a.reshape(-1, size, 64 // size, *a.shape[1:])[:, rank].reshape(-1, *a.shape[1:])
"""


@pytest.mark.parametrize("count", [2, 4])
def test_training_equals_one_process_on_the_same_total_batch(workers, count):
    text = (
        TRAINING
        + """
seen["off"] = {}
for optimizer, options in (("sgd", {"learning_rate": 0.1, "momentum": 0.9}), ("adam", {"learning_rate": 0.01})):
    alone = train(None, x, y, 64, optimizer, options)
    group = mx.kv.create("dist_allreduce")
    together = train(group, shard(x), shard(y), 64 // size, optimizer, dict(options, rescale_grad=1 / 64))
    seen["off"][optimizer] = max(float(np.abs(alone[k] - together[k]).max()) for k in alone)
    seen["by name"] = float(np.abs(train("dist_allreduce", shard(x), shard(y), 64 // size, optimizer, options)["fc2_bias"]
                                   - alone["fc2_bias"]).max())
seen["weights"] = {name: value.tolist() for name, value in together.items()}
"""
    )
    results = workers(text, count)
    for seen in results:
        assert max(seen["off"].values()) < 2e-5 and seen["by name"] < 2e-5, seen["off"]
        assert seen["weights"] == results[0]["weights"]  # bit for bit


def test_calls_that_differ_are_an_error_for_all(workers):
    text = """
    if rank == 0:
        seen["error"] = fails(lambda: kv.init("a", mx.nd.zeros((3,))))
    else:
        seen["error"] = fails(lambda: kv.barrier())
    seen["shape"] = fails(lambda: kv.init("b", mx.nd.zeros((rank + 1,))))
    kv.init("c", mx.nd.ones((2,)))
    kv.push("c", mx.nd.ones((2,)))
    seen["value"] = pulled("c", mx.nd.zeros((2,))).tolist()
    """
    for seen in workers(text):
        code, message, _ = seen["error"]
        assert code == INVALID and "init of a (3,) float32 on worker 0, barrier on worker 1" in message
        assert "init of b (1,) float32 on worker 0, init of b (2,) float32 on worker 1" in seen["shape"][1]
        assert seen["value"] == [2.0, 2.0]


def test_wrong_arguments(workers):
    text = """
    kv.init("a", mx.nd.zeros((3,)))
    seen["unknown"] = fails(lambda: kv.push("z", mx.nd.zeros((3,))))
    seen["shape"] = fails(lambda: kv.push("a", mx.nd.zeros((4,))))
    seen["dtype"] = fails(lambda: kv.push("a", mx.nd.zeros((3,), dtype="int32")))
    seen["again"] = fails(lambda: kv.init("a", mx.nd.zeros((3,))))
    """
    for seen in workers(text):
        assert "key z was not initialised" in seen["unknown"][1]
        assert "expected (3,), got (4,)" in seen["shape"][1]
        assert "expected float32, got int32" in seen["dtype"][1]
        assert "exists already" in seen["again"][1]


def test_a_gradient_that_failed_reaches_all(workers):
    text = """
    kv.init("a", mx.nd.zeros((3,)))
    kv.init("b", mx.nd.zeros((3,)))
    bad = mx.nd.ones((3,))
    if rank == 1:
        def fail(key, received, stored):
            raise ValueError("no gradient today")
        failing = mx.kv.create("local")
        failing.init(0, bad)
        failing.set_updater(fail)
        failing.push(0, bad)
        failing.pull(0, out=bad)
    kv.push("a", bad)
    kv.push("b", mx.nd.ones((3,)))
    seen["a"] = fails(lambda: pulled("a", mx.nd.zeros((3,))))
    seen["b"] = pulled("b", mx.nd.zeros((3,))).tolist()
    kv.push("a", mx.nd.ones((3,)))
    seen["later"] = pulled("a", mx.nd.zeros((3,))).tolist()
    """
    first, second = workers(text)
    assert first["a"][0] == NET and "key a: another worker could not compute its value" in first["a"][1]
    assert "no gradient today" in second["a"][1]
    for seen in (first, second):
        assert seen["b"] == [2.0] * 3 and seen["later"] == [2.0] * 3


def test_a_push_that_does_not_come_names_key_and_worker(workers):
    text = """
    kv.init(["a", "b"], [mx.nd.zeros((3,)), mx.nd.zeros((3,))])
    kv.push("a", mx.nd.ones((3,)))
    if rank == 0:
        kv.push("b", mx.nd.ones((3,)))
        seen["error"] = fails(lambda: pulled("b", mx.nd.zeros((3,))))
    else:
        time.sleep(4)
        seen["error"] = fails(lambda: kv.push("b", mx.nd.ones((3,))))
    write()
    """
    group = workers.start(text, MIXNET_ALLREDUCE_WAIT_S="1.5")
    for rank in range(2):
        code, message, _ = group.seen(rank)["error"]
        assert code == NET and "push of key b: worker 1 did not come within 1.5 s" in message
    group.end()


def test_a_worker_that_stops_is_noticed_and_named(workers):
    text = """
    kv.init("a", mx.nd.zeros((3,)))
    if rank == 1:
        seen["pid"] = os.getpid()
        write()
        os.kill(os.getpid(), signal.SIGSTOP)
    kv.push("a", mx.nd.ones((3,)))
    seen["error"] = fails(lambda: pulled("a", mx.nd.zeros((3,))))
    seen["later"] = fails(lambda: kv.push("a", mx.nd.ones((3,))))
    seen["barrier"] = fails(lambda: kv.barrier())
    write()
    """
    group = workers.start(text, 3, MIXNET_PS_TIMEOUT_S="3")
    pid = group.seen(1)["pid"]
    try:
        for rank in (0, 2):
            seen = group.seen(rank)
            for key in ("error", "later", "barrier"):
                code, message, seconds = seen[key]
                assert code == NET and "no answer from worker 1" in message and seconds < 3.5
    finally:
        os.kill(pid, signal.SIGKILL)
    group.end()


def test_a_worker_that_leaves_is_named_at_once(workers):
    text = """
    kv.init("a", mx.nd.zeros((3,)))
    if rank == 0:
        kv.push("a", mx.nd.ones((3,)))
        seen["error"] = fails(lambda: pulled("a", mx.nd.zeros((3,))))
    """
    first, _ = workers(text)
    code, message, seconds = first["error"]
    assert code == NET and "worker 1 has left the group" in message and seconds < 5


KILLED = """
kv.init("a", mx.nd.zeros((3,)))
if rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
kv.push("a", mx.nd.ones((3,)))
seen["error"] = fails(lambda: pulled("a", mx.nd.zeros((3,))))
write()
"""


def test_a_killed_worker_ends_the_job(workers):
    code, _ = workers.start(KILLED, MIXNET_PS_TIMEOUT_S="3").end(30)
    assert code != 0


def test_a_killed_worker_is_named_where_mpirun_lets_the_others_live(workers):
    group = workers.start(KILLED, 3, ("--mca", "orte_enable_recovery", "1"), MIXNET_PS_TIMEOUT_S="3")
    for rank in (0, 2):
        code, message, seconds = group.seen(rank)["error"]
        assert code == NET and "no answer from worker 1" in message and seconds < 3.5
    group.end(30)


def test_two_stores_at_a_time(workers):
    text = """
    other = mx.kv.create("dist_sync_mpi")
    kv.init("a", mx.nd.zeros((3,)))
    other.init("a", mx.nd.zeros((5,)))
    for store, size in ((kv, 3), (other, 5)) if rank else ((other, 5), (kv, 3)):
        store.push("a", mx.nd.ones((size,)) * size)
    out = mx.nd.zeros((5,))
    other.pull("a", out)
    seen["values"] = [pulled("a", mx.nd.zeros((3,))).tolist(), out.asnumpy().tolist()]
    """
    for seen in workers(text, MIXNET_ENGINE="threaded"):
        assert seen["values"] == [[6.0] * 3, [10.0] * 5]


LEVELS = """
import ctypes, sys
mpi, granted = ctypes.CDLL("libmpi.so", ctypes.RTLD_GLOBAL), ctypes.c_int()
mpi.MPI_Init_thread(None, None, int(sys.argv[1]), ctypes.byref(granted))
import mixnet as mx
try:
    kv, other = mx.kv.create("dist_allreduce"), mx.kv.create("dist_allreduce")
    for store in (kv, other):
        store.init("a", mx.nd.zeros((2_000_000,)))
    for store in (kv, other):
        store.push("a", mx.nd.ones((2_000_000,)) * (store.rank + 1))
    for store in (kv, other):
        out = mx.nd.zeros((2_000_000,))
        store.pull("a", out)
        sys.stdout.write(f"{granted.value} {out.asnumpy().min()} {out.asnumpy().max()}\\n")
        store.close()
except mx.base.MXNetError as error:
    sys.stdout.write(f"{granted.value} {error.code} {error}\\n")
sys.stdout.flush()
mpi.MPI_Finalize()
"""


@pytest.mark.parametrize("level", [1, 2, 3], ids=["funneled", "serialized", "multiple"])
def test_mpi_that_the_program_has_started(mpi, tmp_path, level):
    (tmp_path / "levels.py").write_text(LEVELS)
    root = ["--allow-run-as-root"] if os.getuid() == 0 else []
    command = ["mpirun", *root, "--oversubscribe", "-n", "2", sys.executable, tmp_path / "levels.py", str(level)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, **mpi})
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    if level == 1:
        assert len(lines) == 2 and all("lets only one thread call it" in line for line in lines), lines
    else:
        assert lines == [f"{level} 3.0 3.0"] * 4


def test_a_forked_child_is_no_worker(workers):
    text = """
    kv.init("a", mx.nd.zeros((3,)))
    child = os.fork()
    if child == 0:
        error = fails(lambda: kv.push("a", mx.nd.ones((3,)))) or [0, ""]
        os._exit(7 if "forked child is no worker" in error[1] else 1)
    seen["child"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kv.push("a", mx.nd.ones((3,)))
    seen["value"] = pulled("a", mx.nd.zeros((3,))).tolist()
    """
    for seen in workers(text):
        assert seen == {"child": 7, "value": [2.0] * 3}


def alone(environment):
    """What creating a store says in a process of its own."""
    text = "import mixnet as mx\ntry:\n    kv = mx.kv.create('dist_sync_mpi')\n    print(kv.rank, kv.num_workers, kv.type)\n"
    text += "except mx.base.MXNetError as error:\n    print(error.code, error)\n"
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, env={**os.environ, **environment})
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_without_mpi_the_error_says_what_to_install(tmp_path):
    text = alone({"MIXNET_MPI_PLUGIN": str(tmp_path / "none.so")})
    assert text.startswith("-8 ") and "openmpi-bin and libopenmpi-dev" in text and "none.so" in text
    other = next((library_folder()).glob("libmixnet.so*"))
    assert "got a library without mixnet_mpi_plugin" in alone({"MIXNET_MPI_PLUGIN": str(other)})


def test_settings_that_are_no_seconds(mpi):
    assert "MIXNET_PS_TIMEOUT_S: expected a positive number of seconds, got 'soon'" in alone({**mpi, "MIXNET_PS_TIMEOUT_S": "soon"})


def test_one_process_without_mpirun(mpi):
    assert alone(mpi) == "0 1 dist_sync_mpi\n"


def test_the_library_works_without_mpi():
    assert mx.kv.create("local").num_workers == 1
