"""dist_allreduce over real MPI processes on arrays of GPUs: by NCCL (on emulated GPUs by a stand-in of it) and through the host's memory."""

import os
import pathlib
import signal
import sys

import pytest


ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))
from test_mpi import NET, library_folder, mpi, workers  # noqa: E402, F401


@pytest.fixture(params=["with NCCL", "without"])
def nccl(request):
    """The environment in which workers have it or not."""
    if request.param == "without":
        return {"MIXNET_NCCL": "0"}
    stand_in = library_folder().parent / "stand_ins" / "libnccl.so"
    return {"MIXNET_NCCL": str(stand_in)} if stand_in.exists() else {}


def test_sums_of_every_dtype(workers, nccl):  # noqa: F811
    text = """
    gpu = mx.gpu(rank % mx.num_gpus())
    seen["wrong"] = []
    for dtype in ("float32", "float64", "float16", "bfloat16", "int32", "int64", "int8", "uint8"):
        for count in (0, 1, 1000, 700_001):
            key = f"{dtype} {count}"
            kv.init(key, mx.nd.zeros((count,), dtype=dtype))
            kv.push(key, mx.nd.array(np.arange(count) % 5 + rank, dtype="float32").astype(dtype).as_in_context(gpu))
            expected = sum(np.arange(count) % 5 + r for r in range(size))
            for ctx in (gpu, mx.cpu()):
                out = mx.nd.zeros((count,), ctx=ctx, dtype=dtype)
                kv.pull(key, out=out)
                if not np.array_equal(out.astype("float32").asnumpy(), expected):
                    seen["wrong"].append([key, str(ctx)])
    kv.barrier()
    """
    for seen in workers(text, **nccl):
        assert seen["wrong"] == []


def test_training_ends_with_the_same_weights_everywhere(workers, nccl):  # noqa: F811
    text = """
    gpu = mx.gpu(rank % mx.num_gpus())
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=8, name="a")
    net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="tanh"), num_hidden=3, name="b")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    def train(data, label, batch, ctx, store):
        iterator = mx.io.NDArrayIter(data, label, batch_size=batch)
        module = mx.mod.Module(net, context=ctx)
        module.bind(iterator.provide_data, iterator.provide_label)
        mx.random.seed(3)
        module.init_params(mx.init.Xavier())
        module.init_optimizer(kvstore=store, optimizer="sgd", optimizer_params={"learning_rate": 0.1, "rescale_grad": 1 / 16})
        for _ in range(3):
            iterator.reset()
            for one in iterator:
                module.forward_backward(one)
                module.update()
        return {name: value.asnumpy() for name, value in module.get_params()[0].items()}
    random = np.random.RandomState(1)
    data, label = random.randn(64, 6).astype("float32"), random.randint(0, 3, 64).astype("float32")
    # Each batch of 16 is 8 rows of every worker.
    own = np.concatenate([np.arange(64).reshape(4, 2, 8)[:, rank]]).ravel()
    got = train(data[own], label[own], 8, gpu, kv)
    want = train(data, label, 16, mx.cpu(), None)
    seen["far"] = max(float(np.abs(got[name] - want[name]).max()) for name in want)
    kv.barrier()
    """
    for seen in workers(text, **nccl):
        assert seen["far"] < 1e-5


@pytest.mark.parametrize("nccl", ["with NCCL"], indirect=True)
def test_a_killed_worker_is_an_error_of_the_others(workers, nccl):  # noqa: F811
    text = """
    gpu = mx.gpu(rank % mx.num_gpus())
    one = lambda: mx.nd.ones((1000,), ctx=gpu)
    kv.init("w", mx.nd.zeros((1000,)))
    kv.push("w", one())
    seen["first"] = float(pulled("w", mx.nd.zeros((1000,))).max())
    kv.barrier()
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    kv.push("w", one())
    seen["lost"] = fails(lambda: pulled("w", mx.nd.zeros((1000,))))
    write()
    os._exit(0)
    """
    group = workers.start(text, 2, options=("--mca", "orte_enable_recovery", "1"), MIXNET_PS_TIMEOUT_S="8", **nccl)
    seen = group.seen(0)
    assert seen["first"] == 2
    assert seen["lost"][0] == NET
    os.killpg(group.process.pid, signal.SIGKILL)
    group.process.wait()
