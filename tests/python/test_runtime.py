"""The engine, the key-value store, devices and the package itself."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

import mixnet as mx


def test_closures_that_share_a_seed_run_in_order():
    seed, state, drawn = mx.engine.Variable(), np.random.RandomState(3), []
    for _ in range(50):
        mx.engine.push(lambda: drawn.append(state.randint(1000)), reads=[seed], writes=[seed])
    seed.wait()
    assert drawn == np.random.RandomState(3).randint(1000, size=50).tolist()


def test_a_closure_that_raises_is_raised_by_wait():
    first, second = mx.engine.Variable(), mx.engine.Variable()

    def fail():
        raise KeyError("lost")

    mx.engine.push(fail, writes=[first])
    mx.engine.push(lambda: None, reads=[first], writes=[second])
    with pytest.raises(mx.MXNetError, match="KeyError"):
        second.wait()
    mx.engine.push(lambda: None, writes=[first])
    first.wait()
    with pytest.raises(mx.MXNetError):
        mx.nd.waitall()


def test_calls_return_before_the_work_is_done():
    a = mx.nd.ones((600, 600))
    a.wait_to_read()
    started = time.perf_counter()
    b = a
    for _ in range(30):
        b = mx.nd.dot(b, a) * 1e-3
    issued = time.perf_counter() - started
    b.wait_to_read()
    total = time.perf_counter() - started
    naive = "naive" in __import__("os").environ.get("MIXNET_ENGINE", "")
    assert naive or issued < total


def test_kvstore_levels():
    kv = mx.kv.create("local")
    assert (kv.type, kv.rank, kv.num_workers) == ("local", 0, 1)
    kv.init(["a", 3], [mx.nd.ones((2,)), mx.nd.zeros((3,))])
    kv.push("a", [mx.nd.ones((2,)) * i for i in range(4)])
    outs = [mx.nd.zeros((2,)) for _ in range(2)]
    kv.pull("a", outs)
    assert all(o.asnumpy().tolist() == [6, 6] for o in outs)
    seen = []

    def updater(key, received, stored):
        seen.append(key)
        stored += received * 2

    kv.set_updater(updater)
    out = mx.nd.zeros((3,))
    kv.pushpull(3, mx.nd.ones((3,)), out)
    assert out.asnumpy().tolist() == [2, 2, 2] and seen == [3]


def test_kvstore_updater_that_raises_and_recovers():
    kv = mx.kv.create("local")
    kv.init(["w", "v"], [mx.nd.ones((2,)), mx.nd.ones((2,))])
    broken = {"w"}

    def updater(key, received, stored):
        if key in broken:
            raise ValueError("not this time")
        stored += received

    kv.set_updater(updater)
    w, v = mx.nd.zeros((2,)), mx.nd.zeros((2,))
    kv.push(["w", "v"], [mx.nd.ones((2,)) * 4, mx.nd.ones((2,))])
    kv.pull(["w", "v"], [w, v])
    assert v.asnumpy().tolist() == [2, 2]
    with pytest.raises(mx.MXNetError, match="not this time"):
        w.asnumpy()
    broken.clear()
    kv.push("w", mx.nd.ones((2,)) * 4)
    kv.pull("w", w)
    assert w.asnumpy().tolist() == [5, 5]
    with pytest.raises(mx.MXNetError, match="exists already"):
        kv.init("w", mx.nd.zeros((2,)))
    with pytest.raises(mx.MXNetError, match="not this time"):
        mx.nd.waitall()


def test_kvstore_optimizer_and_its_states(tmp_path):
    def run(steps, path=None):
        kv = mx.kv.create("local")
        kv.init("w", mx.nd.ones((3,)))
        kv.set_optimizer(mx.optimizer.create("sgd", learning_rate=0.1, momentum=0.9))
        if path:
            kv.load_optimizer_states(path)
        for _ in range(steps):
            kv.push("w", mx.nd.ones((3,)))
        out = mx.nd.zeros((3,))
        kv.pull("w", out)
        return kv, out.asnumpy()[0]

    kv, two = run(2)
    assert two == pytest.approx(1 - 0.1 - 0.19)
    kv.save_optimizer_states(str(tmp_path / "s"))
    assert run(1, str(tmp_path / "s"))[1] == pytest.approx(1 - 0.1 - 0.171, rel=1e-5)


def test_an_updater_that_raises():
    kv = mx.kv.create("local")
    kv.init("w", mx.nd.ones((3,)))

    def updater(key, received, stored):
        raise ValueError("no")

    kv.set_updater(updater)
    kv.push("w", mx.nd.ones((3,)))
    out = mx.nd.zeros((3,))
    kv.pull("w", out)
    with pytest.raises(mx.MXNetError, match="ValueError: no"):
        out.wait_to_read()
    with pytest.raises(mx.MXNetError):
        mx.nd.waitall()


def test_kvstore_mistakes():
    kv = mx.kv.create("local")
    for call, message in (
        (lambda: kv.push("x", mx.nd.ones((1,))), "was not initialised"),
        (lambda: mx.kv.create("locl"), "expected local, device, dist_sync"),
        (lambda: mx.kv.create("dist_sync"), "DMLC_PS_ROOT_PORT: expected a number in the environment, got none; start with mixnet launch"),
    ):
        with pytest.raises(mx.MXNetError, match=message):
            call()


def test_devices():
    assert mx.num_gpus() == 0 and str(mx.cpu(1)) == "cpu(1)" and mx.cpu() == mx.Context("cpu", 0)
    with mx.Context("cpu", 2):
        assert mx.current_context() == mx.cpu(2)
    with pytest.raises(mx.MXNetError, match="CUDA"):
        mx.nd.zeros((1,), ctx=mx.gpu(0))
    assert mx.context.storage_info()["in_use"] >= 0


def test_memory_beyond_the_machine_is_an_error():
    with pytest.raises(MemoryError):
        mx.nd.zeros((1 << 45,)).wait_to_read()
    assert mx.nd.ones((2,)).asnumpy().sum() == 2
    mx.nd.waitall()  # the call itself was refused, so nothing is left to tell


def test_importing_is_quick_and_needs_little():
    # The processor's time, which other programs do not lengthen.
    code = "import time, numpy; n = time.process_time(); import mixnet, sys; "
    code += "print(time.process_time() - n, [m for m in ('matplotlib', 'scipy', 'sklearn') if m in sys.modules])"
    best = min(float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()[0]) for _ in range(3))
    assert best < 0.3


def test_exit_with_work_in_flight():
    code = "import mixnet as mx\na = mx.nd.ones((800, 800))\nfor _ in range(40): a = mx.nd.dot(a, a) * 1e-3\n"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "PASSIVE 5000"), ({"GOMP_SPINCOUNT": "7"}, "PASSIVE 7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE None")],
)
def test_threads_of_onednn_spin_briefly_unless_the_user_says_how(given, expected):
    program = "import os, mixnet; print(os.environ['OMP_WAIT_POLICY'], os.environ.get('GOMP_SPINCOUNT'))"
    env = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    said = subprocess.run([sys.executable, "-c", program], env={**env, **given}, capture_output=True, text=True, check=True).stdout
    assert said.strip() == expected


@pytest.mark.parametrize(
    ("kind", "said"),
    (
        ("Unpooled", "45.0 True"),
        ("Round", "45.0 False"),
        ("Some", "[storage] MIXNET_CPU_MEM_POOL_TYPE: expected Naive, Round or Unpooled, got Some"),
    ),
)
def test_a_pool_may_keep_nothing(kind, said):
    program = (
        "import mixnet as mx\n"
        "try:\n"
        "    total = mx.nd.sum(mx.nd.arange(10)).asscalar()\n"
        "    print(total, mx.context.storage_info(mx.cpu())['cached'] == 0)\n"
        "except mx.MXNetError as error:\n"
        "    print(error)\n"
    )
    env = {**os.environ, "MIXNET_CPU_MEM_POOL_TYPE": kind}
    assert subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout.strip() == said
