"""The store between machines over real processes: sums, optimizers, consistency, codes, Module, and strangers at the door."""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy as np
import pytest

import mixnet as mx


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Group:
    """Scheduler, servers and workers that run `program`; what the workers printed, by rank, is in `results` after finish()."""

    def __init__(self, program, workers=2, servers=1, **env):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("DMLC_", "MIXNET_PS_"))}
        self.port = free_port()
        self.env = {
            **clean,
            "DMLC_PS_ROOT_URI": "127.0.0.1",
            "DMLC_PS_ROOT_PORT": str(self.port),
            "DMLC_NUM_WORKER": str(workers),
            "DMLC_NUM_SERVER": str(servers),
            "OMP_NUM_THREADS": "1",
            "MIXNET_PS_LOG": "-",
            **env,
        }
        self.program = "import numpy as np\nimport mixnet as mx\n" + textwrap.dedent(program)
        self.others = [self.start("scheduler")] + [self.start("server") for _ in range(servers)]
        self.workers = [self.start("worker", DMLC_WORKER_ID=str(rank)) for rank in range(workers)]

    def start(self, role, **env):
        code = self.program if role == "worker" else "import mixnet as mx; mx.kvstore_server.serve()"
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", code], env={**self.env, "DMLC_ROLE": role, **env}, stdout=pipe, stderr=pipe, text=True)

    def finish(self, seconds=100):
        """Lines of every worker; all must have ended well. The others' log is in `log`."""
        end = time.monotonic() + seconds
        everybody = self.workers + self.others
        try:
            said = [process.communicate(timeout=max(1, end - time.monotonic())) for process in everybody]
        finally:
            for process in everybody:
                process.kill()
        self.log = "".join(error for _, error in said[len(self.workers) :])
        assert [p.returncode for p in everybody] == [0] * len(everybody), "\n".join(error for _, error in said)
        return [out.splitlines() for out, _ in said[: len(self.workers)]]


def floats(lines):
    return [[float(x) for x in line.split()] for line in lines]


def test_sums_over_devices_workers_and_parts():
    group = Group(
        """
        kv = mx.kv.create("dist_sync")
        kv.init(["big", 7], [mx.nd.zeros((300, 1000)), mx.nd.zeros((3,))])
        out, small = mx.nd.zeros((300, 1000)), [mx.nd.zeros((3,)), mx.nd.zeros((3,))]
        for step in range(4):
            part = mx.nd.arange(300000).reshape((300, 1000)) * (kv.rank + 1)
            kv.push(["big", 7], [[part, part], mx.nd.ones((3,)) * step])
            kv.pull(["big", 7], [out, small], priority=-step)
            expected = 2 * 6 * np.arange(300000, dtype=np.float32).reshape(300, 1000)
            assert np.array_equal(out.asnumpy(), expected), out
            assert small[0].asnumpy().tolist() == small[1].asnumpy().tolist() == [3 * step] * 3
        kv.barrier()
        print(kv.rank, kv.num_workers, kv.type)
        """,
        workers=3,
        servers=2,
        MIXNET_PS_PART_BYTES="65536",
    )
    assert group.finish() == [[f"{rank} 3 dist_sync"] for rank in range(3)]


def test_many_small_keys_in_one_call():
    group = Group(
        """
        kv = mx.kv.create("dist_sync")
        names = [f"k{i}" for i in range(50)] + ["large"]
        sizes = [i % 7 + 1 for i in range(50)] + [70000]
        kv.init(names, [mx.nd.zeros((n,)) for n in sizes])
        outs = [mx.nd.zeros((n,)) for n in sizes]
        whole = mx.nd.zeros((70, 3))
        for step in range(5):
            kv.push(names, [mx.nd.full((n,), i + step + kv.rank) for i, n in enumerate(sizes)])
            kv.pull(names, outs)
            for i, out in enumerate(outs):
                assert set(out.asnumpy().tolist()) == {2.0 * (i + step) + 1}, (i, out)
        # Into parts of one array: the rest of it stays.
        views = [whole[i : i + 1].reshape((3,)) for i in range(20)]
        kv.init([f"v{i}" for i in range(20)], [mx.nd.full((3,), float(i)) for i in range(20)])
        kv.pull([f"v{i}" for i in range(20)], views)
        assert whole.asnumpy()[:, 0].tolist() == [*range(20), *[0.0] * 50]
        try:
            kv.push(names[:20], [mx.nd.zeros((9, 9)) for _ in range(20)])
        except mx.base.MXNetError as error:
            print(error)
        """,
        servers=2,
        MIXNET_PS_PART_BYTES="65536",
    )
    assert group.finish() == [["[kvstore push] key k0: expected (1,), got (9, 9)"]] * 2


def test_the_profilers_timeline(tmp_path):
    group = Group(
        f"""
        import json, os, time
        kv = mx.kv.create("dist_async")
        kv.init("big", mx.nd.zeros((300, 1000)))
        out = mx.nd.zeros((300, 1000))
        path = {str(tmp_path)!r} + f"/trace{{kv.rank}}.json"
        mx.profiler.set_config(profile_all=True, aggregate_stats=True, filename=path)
        mx.profiler.set_state("run")
        for step in range(4):
            kv.push("big", mx.nd.ones((300, 1000)))
            kv.pull("big", out)
            out.wait_to_read()
        table = mx.profiler.dumps()
        mx.profiler.dump()
        assert "kvstore server 0, latency in us" in table and "kvstore server 1, bytes under way" in table, table
        events = json.load(open(path))["traceEvents"]
        answers = [e for e in events if e["ph"] == "i" and "big part" in e["name"]]
        what = [e["args"]["what"] for e in answers]
        pushed = [e["name"] for e in answers if e["name"].startswith("push")]
        assert len(pushed) == 4 * len(set(pushed)) and len(answers) == 2 * len(pushed), answers
        assert all("bytes, " in w and w.endswith(" us") or "staleness" in w for w in what), what
        print("staleness" in "".join(what))
        """,
        servers=2,
        MIXNET_PS_PART_BYTES="65536",
    )
    assert group.finish() == [["True"]] * 2


@pytest.mark.parametrize("name, options", [("sgd", {"momentum": 0.9, "wd": 0.01}), ("adam", {}), ("rmsprop", {"centered": True}), ("adagrad", {})])
def test_an_optimizer_on_the_servers_steps_like_one_here(name, options):
    group = Group(
        f"""
        kv = mx.kv.create("dist_sync")
        rates = mx.lr_scheduler.FactorScheduler(step=2, factor=0.5, base_lr=0.1)
        kv.init("w_weight", mx.nd.ones((4, 5)))
        kv.set_optimizer(mx.optimizer.create("{name}", learning_rate=0.1, lr_scheduler=rates, rescale_grad=0.5, **{options}))
        out = mx.nd.zeros((4, 5))
        for step in range(6):
            kv.push("w_weight", mx.nd.arange(20).reshape((4, 5)) * (kv.rank + 1) / 10)
            kv.pull("w_weight", out)
            print(*out.asnumpy().ravel())
        """
    )
    here = mx.kv.create("local")
    rates = mx.lr_scheduler.FactorScheduler(step=2, factor=0.5, base_lr=0.1)
    here.init("w_weight", mx.nd.ones((4, 5)))
    here.set_optimizer(mx.optimizer.create(name, learning_rate=0.1, lr_scheduler=rates, rescale_grad=0.5, **options))
    out, expected = mx.nd.zeros((4, 5)), []
    for _ in range(6):
        here.push("w_weight", [mx.nd.arange(20).reshape((4, 5)) * k / 10 for k in (1, 2)])
        here.pull("w_weight", out)
        expected.append(out.asnumpy().ravel().tolist())
    for lines in group.finish():
        np.testing.assert_allclose(floats(lines), expected, rtol=2e-5, atol=1e-6)


MODULE = """
kv = mx.kv.create("{kind}")
mx.random.seed(1)
np.random.seed(1)
x = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=16, name="a"), act_type="tanh")
net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=3, name="b"), name="softmax")
data = np.random.RandomState(3).rand(96, 8).astype("f")
label = (data[:, 0] * 3).astype("i").clip(0, 2).astype("f")
n, r = kv.num_workers, kv.rank
batch = 24 // n
rows = np.arange(96).reshape(4, n, batch)[:, r].ravel()
module = mx.mod.Module(net)
it = mx.io.NDArrayIter(data[rows], label[rows], batch_size=batch)
module.bind(it.provide_data, it.provide_label)
module.init_params(mx.init.Xavier(rnd_type="gaussian"))
metric = mx.metric.Accuracy()
module.fit(it, kvstore=kv, optimizer="sgd", optimizer_params={{"learning_rate": {rate}, "momentum": 0.9, "wd": 0.001}}, eval_metric=metric, num_epoch={epochs})
whole = mx.io.NDArrayIter(data, label, batch_size=24)
print(module.score(whole, "acc")[0][1])
for name, value in sorted(module.get_params()[0].items()):
    print(*value.asnumpy().ravel())
"""


def test_module_trains_like_one_process_on_the_whole_batch():
    here = subprocess.run(
        [sys.executable, "-c", "import numpy as np\nimport mixnet as mx\n" + MODULE.format(kind="local", epochs=5, rate=0.5)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.splitlines()
    for lines in Group(MODULE.format(kind="dist_sync", epochs=5, rate=0.5), workers=2, servers=2).finish():
        for ours, expected in zip(floats(lines), floats(here)):
            np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


BLOCKS = """
    from mixnet import autograd, gluon

    def trained(kvstore, part, parts, **options):
        net = gluon.nn.HybridSequential(prefix="net_")
        net.add(gluon.nn.Dense(8, activation="tanh", in_units=5), gluon.nn.Dense(3, in_units=8))
        net.initialize()
        for i, p in enumerate(net.collect_params().values()):
            p.set_data(mx.nd.array(np.random.RandomState(i).uniform(-1, 1, p.shape)))
        net[0].weight.lr_mult, net[1].bias.wd_mult = 0.5, 0.0
        net.hybridize()
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01}, kvstore=kvstore, **options)
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
"""


@pytest.mark.parametrize("options", ["", ", update_on_kvstore=False"])
def test_blocks_train_like_one_process_on_the_whole_batch(options):
    program = (
        BLOCKS
        + f"""
    kv = mx.kv.create("dist_sync")
    ours = trained(kv, kv.rank, kv.num_workers{options})
    np.testing.assert_allclose(ours, trained(None, 0, 1), rtol=1e-4, atol=1e-6)
    kv.barrier()
    print("same")
    """
    )
    assert Group(program).finish() == [["same"], ["same"]]


@pytest.mark.parametrize("kind", ["dist_async", "dist_async:2"])
def test_asynchronous_training_learns(kind):
    for lines in Group(MODULE.format(kind=kind, epochs=80, rate=0.02), workers=2, servers=2).finish():
        assert float(lines[0]) > 0.9


def test_codes_of_gradients():
    group = Group(
        """
        kv = mx.kv.create("dist_sync")
        kv.set_gradient_compression({"type": "2bit", "threshold": 0.5})
        kv.init("w", mx.nd.zeros((70000,)))
        out = mx.nd.zeros((70000,))
        for step in range(3):
            kv.push("w", mx.nd.full((70000,), 0.3))
            kv.pull("w", out)
            values = set(out.asnumpy().tolist())
            print(*values)
        sent = kv.statistics()["keys"]["w"]["bytes_sent"]
        assert sent == 3 * 70000 // 4, sent
        """,
        MIXNET_PS_PART_BYTES="65536",
    )
    # 0.3 is below the threshold, 0.6 is not, and leaves 0.1.
    assert group.finish() == [["0.0", "1.0", "0.0"]] * 2


def test_statistics_and_checkpoints_of_servers(tmp_path):
    program = f"""
    kv = mx.kv.create("dist_sync")
    kv.init(["v", "w_weight"], [mx.nd.ones((30000,)), mx.nd.ones((4,))])
    kv.set_optimizer(mx.optimizer.create("sgd", learning_rate=0.5, momentum=0.5))
    v, w = mx.nd.zeros((30000,)), mx.nd.zeros((4,))
    for step in range(STEPS):
        kv.push(["v", "w_weight"], [mx.nd.ones((30000,)), mx.nd.ones((4,))])
        kv.pull(["v", "w_weight"], [v, w])
        mx.nd.waitall()
    kv.save_servers("{tmp_path}/state")
    kv.barrier()
    counts = kv.statistics()
    assert counts["keys"]["v"]["pushes"] == STEPS and counts["keys"]["v"]["bytes_sent"] == STEPS * 120000
    assert sum(server["keys"].get("v", {{"pulls": 0}})["pulls"] for server in counts["servers"]) >= STEPS
    print(float(v.asnumpy()[0]), float(w.asnumpy()[0]))
    """
    Group(program.replace("STEPS", "2"), servers=2, MIXNET_PS_PART_BYTES="65536").finish()
    again = Group(program.replace("STEPS", "2"), servers=2, MIXNET_PS_PART_BYTES="65536", MIXNET_PS_RESTORE=f"{tmp_path}/state").finish()
    at_once = Group(program.replace("STEPS", "4"), servers=2, MIXNET_PS_PART_BYTES="65536").finish()
    assert again == at_once


@pytest.mark.parametrize("name, options", [("sgd", {"wd": 0.1}), ("adam", {"wd": 0.01}), (None, {})])
def test_rows_are_those_of_the_local_store(name, options):
    """Row-sparse gradients of two workers, with two devices each, over parts and servers; a table whose rows are larger than a part, too."""
    common = f"""
    def optimizer():
        return {f'mx.optimizer.Native("{name}", learning_rate=0.125, **{options})' if name else None}

    keys, shapes = ["table_weight", "wide_weight"], [(500, 24), (2, 3000)]

    def gradients(step, rank):
        for shape in shapes:
            devices = []
            for device in range(2):
                draw = np.random.RandomState(100 * step + 10 * rank + device)
                # The last worker's last gradient has no rows.
                rows = draw.permutation(shape[0])[: 0 if (step, rank) == (3, 1) else min(shape[0], 40)]
                values = draw.randint(-8, 8, (len(rows), shape[1])).astype("f")
                devices.append(mx.nd.sparse.row_sparse_array((values, np.sort(rows)), shape=shape))
            yield devices

    def firsts():
        return [mx.nd.array(np.arange(np.prod(shape)).reshape(shape) % 97, dtype="float32") for shape in shapes]
    """
    program = textwrap.dedent(common) + textwrap.dedent("""
        kv = mx.kv.create("dist_sync")
        kv.init(keys, firsts())
        if optimizer():
            kv.set_optimizer(optimizer())
        sums = []
        for step in range(4):
            kv.push(keys, list(gradients(step, kv.rank)))
            ids = [mx.nd.array([3, 499, 3, step], dtype="int64"), mx.nd.array([1.0])]
            kept = [mx.nd.sparse.zeros("row_sparse", shape) for shape in shapes]
            kv.row_sparse_pull(keys, out=kept, row_ids=ids)
            outs = [mx.nd.zeros(shape) for shape in shapes]
            kv.pull(keys, outs)
            table = outs[0].asnumpy()
            assert kept[0].indices.asnumpy().tolist() == sorted({3, 499, step})
            assert np.array_equal(kept[0].data.asnumpy(), table[sorted({3, 499, step})])
            assert np.array_equal(kept[1].asnumpy()[1], outs[1].asnumpy()[1])
            sums.append([out.asnumpy().astype("d") for out in outs])
        sent = kv.statistics()["keys"]["table_weight"]["bytes_sent"]
        assert 0 < sent <= 4 * 80 * (8 + 24 * 4), sent
        np.savez(f"{FOLDER}/{kv.rank}.npz", *[array for pair in sums for array in pair])
        """)
    with tempfile.TemporaryDirectory() as folder:
        Group(f"FOLDER = {folder!r}\n" + program, workers=2, servers=3, MIXNET_PS_PART_BYTES="8192").finish()
        got = [list(np.load(f"{folder}/{rank}.npz").values()) for rank in range(2)]
    here = {"np": np, "mx": mx}
    exec(textwrap.dedent(common), here)  # noqa: S102
    store = mx.kv.create("local")
    store.init(here["keys"], here["firsts"]())
    if here["optimizer"]():
        store.set_optimizer(here["optimizer"]())
    expected = []
    for step in range(4):
        both = [list(here["gradients"](step, rank)) for rank in range(2)]
        store.push(here["keys"], [both[0][k] + both[1][k] for k in range(2)])
        outs = [mx.nd.zeros(shape) for shape in here["shapes"]]
        store.pull(here["keys"], outs)
        expected += [out.asnumpy() for out in outs]
    for arrays in got:
        for ours, there in zip(arrays, expected):
            np.testing.assert_array_equal(ours, there)


def test_mistakes_with_rows_are_named():
    group = Group(
        """
        kv = mx.kv.create("dist_sync")

        def told(call):
            try:
                call()
                mx.nd.waitall()
            except mx.base.MXNetError as error:
                print(error)

        kv.init("w", mx.nd.zeros((4, 2)))
        out, one = mx.nd.zeros((4, 2)), mx.nd.ones((1, 2))
        told(lambda: kv.push_rows("v", mx.nd.array([1]), one))
        told(lambda: kv.push_rows("w", mx.nd.array([1, 2]), one))
        told(lambda: kv.row_sparse_pull("w", out=one, row_ids=mx.nd.array([1])))
        kv.row_sparse_pull("w", out=out, row_ids=mx.nd.array([4]))
        told(out.asnumpy)
        kv.push_rows("w", mx.nd.array([2.5]), one)
        kv.pull("w", out)
        told(out.asnumpy)
        kv.push_rows("w", mx.nd.array([2]), one)
        kv.pull("w", out)
        print(out.asnumpy().tolist())
        """,
        workers=1,
    )
    lines = [line for line in group.finish()[0] if line.startswith("[")]
    assert lines[:3] == [
        "[kvstore push_rows] key v was not initialised",
        "[kvstore push_rows] key w: expected (2, 2), got (1, 2)",
        "[kvstore pull_rows] key w: expected (4, 2), got (1, 2)",
    ]
    assert "row_ids: expected whole numbers from 0 to 3, got 4" in lines[3]
    assert "row_ids: expected whole numbers from 0 to 3, got 2.5" in lines[4]
    assert lines[-1] == "[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]"


def test_mistakes_are_named():
    group = Group(
        """
        kv = mx.kv.create("dist_sync")

        def told(call):
            try:
                call()
                mx.nd.waitall()
            except mx.base.MXNetError as error:
                print(error)

        kv.init("w", mx.nd.zeros((2, 3)))
        told(lambda: kv.push("v", mx.nd.zeros((2, 3))))
        told(lambda: kv.push("w", mx.nd.zeros((3, 2))))
        told(lambda: kv.pull("w", mx.nd.zeros((2, 3), dtype="float64")))
        told(lambda: kv.set_updater(lambda *_: None))
        told(lambda: kv.set_optimizer(mx.optimizer.create("nadam")))
        kv.init("large", mx.nd.zeros((100000,)))
        kv.set_optimizer(mx.optimizer.create("lamb"))
        told(lambda: kv.push("large", mx.nd.zeros((100000,))))
        """,
        workers=1,
        MIXNET_PS_PART_BYTES="65536",
    )
    lines = group.finish()[0]
    assert lines[:3] == [
        "[kvstore push] key v was not initialised",
        "[kvstore push] key w: expected (2, 3), got (3, 2)",
        "[kvstore pull] key w: expected float32, got float64",
    ]
    assert lines[3].startswith("[kvstore set_updater] store: dist_sync updates on its servers")
    assert lines[4].startswith("[kvstore] optimizer: expected one of adadelta") and lines[4].endswith("got nadam")
    assert lines[5].startswith("[kvstore push] key large: lamb needs whole arrays, and this one of 400000 bytes is cut into parts")


def test_a_forked_child_is_told_and_ends():
    group = Group(
        """
        import os, sys
        kv = mx.kv.create("dist_sync")
        kv.init("w", mx.nd.zeros((2,)))
        out = mx.nd.zeros((2,))
        mx.nd.waitall()
        child = os.fork()
        if child == 0:
            for call in (lambda: kv.push("w", mx.nd.zeros((2,))), lambda: kv.pull("w", out), kv.barrier):
                try:
                    call()
                except mx.base.MXNetError as error:
                    print(error, flush=True)
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        kv.push("w", mx.nd.ones((2,)))
        kv.pull("w", out)
        print(out.asnumpy()[0])
        """,
        workers=1,
    )
    told = "[kvstore] a store between machines: expected the process that made it, got a forked child"
    assert group.finish() == [[told] * 3 + ["1.0"]]


def run_worker(**env):
    code = "import mixnet as mx\nmx.kv.create('dist_sync')"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DMLC_", "MIXNET_PS_"))}
    return subprocess.run([sys.executable, "-c", code], env={**clean, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60).stdout


def test_settings_that_make_no_sense_are_named():
    good = {"DMLC_PS_ROOT_PORT": "9999", "DMLC_NUM_WORKER": "1", "DMLC_NUM_SERVER": "1"}
    assert "DMLC_PS_ROOT_PORT: expected a number in the environment, got none; start with mixnet launch" in run_worker()
    assert "DMLC_NUM_WORKER: expected a number from 1 to 1048576, got 'many'" in run_worker(**{**good, "DMLC_NUM_WORKER": "many"})
    assert "key: expected a secret CURVE key of 40 characters in Z85, got 5 characters" in run_worker(**good, MIXNET_PS_KEY="short")
    assert "scheduler (tcp://127.0.0.1:9999) was lost: no sign of life for 2 s" in run_worker(**good, MIXNET_PS_RENDEZVOUS_S="1", MIXNET_PS_TIMEOUT_S="1")
    assert "ZeroMQ: expected libzmq.so.5 (Debian package libzmq5, or pip install pyzmq), got none at /nowhere" in run_worker(
        **good, MIXNET_ZMQ_LIBRARY="/nowhere"
    )


QUIET = """
import os, pathlib, time
folder = pathlib.Path(os.environ["FOLDER"])
kv = mx.kv.create("dist_sync")
kv.init("w", mx.nd.zeros((3,)))
out, step, last = mx.nd.zeros((3,)), 0, 0
while not last:
    (folder / f"ready {kv.rank}").touch()
    step += 1
    last = mx.nd.array([float((folder / "stop").exists())] * 3)
    kv.push("w", last)
    kv.pull("w", out)
    last = out.asnumpy()[0]
    time.sleep(0.05)
print("done")
"""


def quiet_group(folder, **env):
    """Two workers that go on until a file says stop; together already."""
    group = Group(QUIET, FOLDER=str(folder), MIXNET_PS_TIMEOUT_S="8", **env)
    end = time.monotonic() + 60
    while not all((folder / f"ready {rank}").exists() for rank in (0, 1)):
        assert time.monotonic() < end
        time.sleep(0.05)
    return group


def test_without_the_key_nobody_comes_in(tmp_path):
    _, secret = mx.kvstore_server.make_keys()
    _, other = mx.kvstore_server.make_keys()
    group = quiet_group(tmp_path, MIXNET_PS_KEY=secret)
    for key in ({"MIXNET_PS_KEY": other}, {}):
        env = {k: group.env[k] for k in group.env if k.startswith("DMLC_")}
        said = run_worker(**env, **key, DMLC_ROLE="worker", MIXNET_PS_RENDEZVOUS_S="1", MIXNET_PS_TIMEOUT_S="1")
        assert "was lost: no sign of life for 2 s" in said
    (tmp_path / "stop").touch()
    assert group.finish() == [["done"]] * 2
    assert "connections without the group's key or protocol" in group.log


def test_strangers_do_no_harm(tmp_path):
    """Bytes that are no protocol, connections that never speak, and messages of another program on ZeroMQ."""
    zmq = pytest.importorskip("zmq")
    group = quiet_group(tmp_path)
    open_ones = []
    for i in range(40):
        stranger = socket.create_connection(("127.0.0.1", group.port))
        if i % 2:
            stranger.sendall(np.random.RandomState(i).bytes(3000))
        open_ones.append(stranger)
    context = zmq.Context()
    speaker = context.socket(zmq.DEALER)
    speaker.connect(f"tcp://127.0.0.1:{group.port}")
    for i in range(200):
        speaker.send_multipart([b"MXN1" + np.random.RandomState(i).bytes(i)] * (1 + i % 3))
    time.sleep(1)
    (tmp_path / "stop").touch()
    said = group.finish()
    for stranger in open_ones:
        stranger.close()
    context.destroy(linger=0)
    assert said == [["done"]] * 2
    assert "dropped a message: [" in group.log


def test_loopback_only_without_a_key():
    program = "import mixnet as mx; mx.kvstore_server.serve()"
    env = {
        **os.environ,
        "DMLC_ROLE": "scheduler",
        "DMLC_PS_ROOT_URI": "0.0.0.0",
        "DMLC_PS_ROOT_PORT": str(free_port()),
        "DMLC_NUM_WORKER": "1",
        "DMLC_NUM_SERVER": "1",
    }
    result = subprocess.run([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert result.returncode == 1
    assert "0.0.0.0: expected a key (MIXNET_PS_KEY_FILE) to listen at an address that others reach, got none" in result.stdout
