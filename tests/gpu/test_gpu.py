"""mx.gpu() by the calls that are used on the CPU: arrays, operators, gradients, executors, training, stores, files, errors.

Run by tools/run_tests.py in a process of its own, on the library with emulated GPUs (build/release/emulated), and by `make test-gpu` on real ones.
"""

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import mixnet as mx


def test_the_papers_first_example():
    a = mx.nd.ones((2, 3), mx.gpu())
    assert a.context == mx.gpu(0)
    assert (a * 2).asnumpy().tolist() == [[2, 2, 2], [2, 2, 2]]
    assert (a * 2).context == mx.gpu(0)


def test_values_go_there_and_come_back():
    for dtype in ("float32", "float64", "float16", "uint8", "int8", "int32", "int64"):
        want = np.arange(24).reshape(2, 3, 4).astype(dtype)
        a = mx.nd.array(want, ctx=mx.gpu(), dtype=dtype)
        assert a.dtype == want.dtype and np.array_equal(a.asnumpy(), want)
        back = a.as_in_context(mx.cpu())
        assert back.context == mx.cpu() and np.array_equal(back.asnumpy(), want)
        there = mx.nd.zeros((2, 3, 4), ctx=mx.gpu(), dtype=dtype)
        back.copyto(there)
        assert np.array_equal(there.asnumpy(), want)
        assert np.array_equal(a[1].asnumpy(), want[1])
    a[:] = 5
    a[0:1] = 7
    assert a.asnumpy()[:, 0, 0].tolist() == [7, 5]


def test_a_default_context():
    with mx.gpu():
        a = mx.nd.zeros((3,)) + 1
        assert a.context == mx.gpu(0)
    assert mx.nd.zeros((3,)).context == mx.cpu()


def test_random_numbers_are_the_cpus():
    for draw in (mx.nd.random.uniform, mx.nd.random.normal):
        mx.random.seed(5)
        on_cpu = draw(shape=(100,))
        mx.random.seed(5)
        on_gpu = draw(shape=(100,), ctx=mx.gpu())
        assert on_gpu.context == mx.gpu()
        np.testing.assert_allclose(on_gpu.asnumpy(), on_cpu.asnumpy(), rtol=1e-5, atol=1e-6)


def test_gradients_of_recorded_code():
    def run(ctx):
        x = mx.nd.array([[1.0, 2], [3, 4]], ctx=ctx)
        x.attach_grad()
        with mx.autograd.record():
            y = (mx.nd.exp(x) * x + mx.nd.dot(x, x)).sum()
        y.backward()
        return x.grad.asnumpy()

    np.testing.assert_allclose(run(mx.gpu()), run(mx.cpu()), rtol=1e-5)


def mlp():
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=16, name="fc1")
    net = mx.sym.Activation(net, act_type="relu")
    net = mx.sym.FullyConnected(net, num_hidden=4, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def lenet():
    net = mx.sym.Variable("data")
    for i, channels in enumerate((4, 8)):
        net = mx.sym.Convolution(net, kernel=(3, 3), num_filter=channels, no_bias=True, name=f"conv{i}")
        net = mx.sym.BatchNorm(net, name=f"bn{i}")
        net = mx.sym.Activation(net, act_type="tanh")
        net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max")
    net = mx.sym.FullyConnected(mx.sym.flatten(net), num_hidden=4, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def resnet():
    def normalised(net, channels, name, stride=1, kernel=3):
        pad = kernel // 2
        net = mx.sym.Convolution(net, kernel=(kernel, kernel), stride=(stride, stride), pad=(pad, pad), num_filter=channels, no_bias=True, name=f"{name}_conv")
        return mx.sym.BatchNorm(net, fix_gamma=False, name=f"{name}_bn")

    net = mx.sym.Activation(normalised(mx.sym.Variable("data"), 4, "stem"), act_type="relu")
    for i, stride in enumerate((1, 2)):
        channels = 4 * stride
        branch = mx.sym.Activation(normalised(net, channels, f"unit{i}_1", stride), act_type="relu")
        shortcut = net if stride == 1 else normalised(net, channels, f"unit{i}_shortcut", stride, 1)
        net = mx.sym.Activation(normalised(branch, channels, f"unit{i}_2") + shortcut, act_type="relu")
    net = mx.sym.Pooling(net, global_pool=True, kernel=(1, 1), pool_type="avg")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=4, name="fc"), name="softmax")


def train(net, shape, contexts, optimizer, kvstore="local"):
    rng = np.random.RandomState(1)
    data = rng.randn(32, *shape).astype("float32")
    label = rng.randint(0, 4, 32).astype("float32")
    iterator = mx.io.NDArrayIter(data, label, batch_size=8)
    module = mx.mod.Module(net, context=contexts)
    module.bind(iterator.provide_data, iterator.provide_label)
    mx.random.seed(3)
    module.init_params(mx.init.Xavier())
    module.init_optimizer(kvstore=kvstore, optimizer=optimizer)
    for _ in range(3):
        iterator.reset()
        for batch in iterator:
            module.forward_backward(batch)
            module.update()
    return {name: value.asnumpy() for part in module.get_params() for name, value in part.items()}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("net, shape", [(mlp, (10,)), (lenet, (1, 14, 14)), (resnet, (3, 12, 12))])
def test_training_ends_where_the_cpus_does(net, shape, optimizer):
    want = train(net(), shape, mx.cpu(), optimizer)
    got = train(net(), shape, mx.gpu(), optimizer)
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, rtol=2e-3, atol=2e-4, err_msg=name)


def test_what_backward_computes_again_is_the_same(monkeypatch):
    want = train(resnet(), (3, 12, 12), mx.gpu(), "sgd")
    monkeypatch.setenv("MIXNET_BACKWARD_DO_MIRROR", "1")
    got = train(resnet(), (3, 12, 12), mx.gpu(), "sgd")
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


@pytest.fixture(params=["with NCCL", "without"])
def nccl(request, monkeypatch):
    """Both ways of summing over GPUs; how many collectives were carried out so far, or None where that is not known."""
    if request.param == "without":
        monkeypatch.setenv("MIXNET_NCCL", "0")
        return lambda: None
    with open("/proc/self/maps") as file:
        folder = next(pathlib.Path(line.split()[-1]).parent for line in file if "libmixnet.so" in line)
    stand_in = folder.parent / "stand_ins" / "libnccl.so"
    if not stand_in.exists():
        return lambda: None
    monkeypatch.setenv("MIXNET_NCCL", str(stand_in))
    count = ctypes.CDLL(str(stand_in)).stand_in_nccl_carried_out
    count.restype = ctypes.c_int64
    return count


@pytest.mark.skipif(mx.num_gpus() < 2, reason="needs GPU")
@pytest.mark.parametrize("kvstore", ["device", "nccl"])
def test_several_gpus_share_a_batch(nccl, kvstore):
    want = train(mlp(), (10,), mx.cpu(), "sgd")
    before = nccl()
    got = train(mlp(), (10,), [mx.gpu(0), mx.gpu(1)], "sgd", kvstore)
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-3, atol=1e-5, err_msg=name)
    if before is not None:
        # Two GPUs, four parameters, twelve steps: every push and every pull.
        assert nccl() - before >= 192


@pytest.mark.skipif(mx.num_gpus() < 2, reason="needs GPU")
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int32", "int64", "int8", "uint8", "bool"])
def test_a_store_sums_and_gives_over_gpus(nccl, dtype):
    """With and without an updater; into all GPUs, one, and the CPU."""
    contexts = [mx.gpu(0), mx.gpu(1)]

    def each(*values):
        return [mx.nd.full((3, 5), value, ctx=ctx).astype(dtype) for value, ctx in zip(values, contexts)]

    def pulled(ctxs):
        outs = [mx.nd.zeros((3, 5), ctx=ctx).astype(dtype) for ctx in ctxs]
        store.pull("w", out=outs)
        assert [out.context for out in outs] == ctxs
        return [np.unique(out.astype("float32").asnumpy()).tolist() for out in outs]

    places = (contexts, contexts[::-1], contexts[1:], [mx.cpu()], [mx.cpu(), mx.gpu(1)])
    store = mx.kv.create("nccl")
    store.init("w", each(1)[0])
    for ctxs in places:
        assert pulled(ctxs) == [[1]] * len(ctxs)
    store.push("w", each(1, 2))
    for ctxs in places:
        assert pulled(ctxs) == [[1 if dtype == "bool" else 3]] * len(ctxs)
    store.push("w", each(4, 1)[::-1])
    assert pulled(contexts) == [[1 if dtype == "bool" else 5]] * 2
    if dtype == "bool":
        return
    store.push("w", each(4, 1)[1:])  # one GPU alone
    assert pulled(contexts) == [[1]] * 2

    def step(key, received, stored):
        stored += received * 2

    store.set_updater(step)
    for want in (7, 13):
        store.push("w", each(1, 2))
        for ctxs in places:
            assert pulled(ctxs) == [[want]] * len(ctxs)


@pytest.mark.skipif(mx.num_gpus() < 2, reason="needs GPU")
def test_a_lost_collective_is_an_error_of_its_key(nccl, monkeypatch, tmp_path):
    if nccl() is None:
        return
    own = shutil.copy(os.environ["MIXNET_NCCL"], tmp_path / "libnccl.so")  # whose groups are no other test's
    monkeypatch.setenv("MIXNET_NCCL", str(own))
    ones, outs = ([mx.nd.full((4,), value, ctx=mx.gpu(i)) for i in (0, 1)] for value in (1, 0))
    store = mx.kv.create("nccl")
    store.init(["a", "b"], [ones[0], ones[0]])
    store.push("b", ones)
    store.pull("b", out=outs)
    mx.nd.waitall()
    ctypes.CDLL(str(own)).stand_in_nccl_fail(2)
    store.push("a", ones)
    store.pull("a", out=outs)
    with pytest.raises(mx.MXNetError, match=r"\[nccl\] gpu\([01]\): remote process exited"):
        outs[1].wait_to_read()
    # Other keys are as they were, and sums go on without the library.
    store.pull("b", out=outs)
    assert [out.asnumpy().tolist() for out in outs] == [[2] * 4] * 2
    store.push("a", ones)
    store.pull("a", out=outs)
    assert [out.asnumpy().tolist() for out in outs] == [[2] * 4] * 2
    with pytest.raises(mx.MXNetError):
        mx.nd.waitall()


def test_a_store_keeps_and_gives_values_of_gpus():
    store = mx.kv.create("local")
    store.init("w", mx.nd.ones((3,), ctx=mx.gpu()))
    store.push("w", [mx.nd.ones((3,), ctx=mx.gpu()) * 2, mx.nd.ones((3,), ctx=mx.gpu()) * 3])
    out = mx.nd.zeros((3,), ctx=mx.gpu())
    store.pull("w", out=out)
    assert out.asnumpy().tolist() == [5, 5, 5]


def test_parameters_are_saved_and_loaded(tmp_path):
    path = str(tmp_path / "a.params")
    mx.nd.save(path, {"w": mx.nd.array([1.0, 2, 3], ctx=mx.gpu())})
    assert mx.nd.load(path)["w"].asnumpy().tolist() == [1, 2, 3]


def test_placement_on_two_devices():
    with mx.AttrScope(ctx_group="first"):
        net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=5, name="a")
    with mx.AttrScope(ctx_group="second"):
        net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="tanh"), num_hidden=3, name="b")
    results = []
    for groups in ({"first": mx.cpu(), "second": mx.cpu()}, {"first": mx.cpu(), "second": mx.gpu()}):
        bound = net.simple_bind(mx.cpu(), group2ctx=groups, data=(2, 4))
        for i, (_, value) in enumerate(sorted(bound.arg_dict.items())):
            value[:] = np.linspace(-1, 1, value.size).reshape(value.shape) + i
        bound.forward(is_train=True)
        bound.backward([mx.nd.ones(o.shape, ctx=o.context) for o in bound.outputs])
        results.append([bound.outputs[0].asnumpy()] + [g.asnumpy() for _, g in sorted(bound.grad_dict.items())])
    for want, got in zip(*results):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_mistakes_are_one_line():
    on_gpu, on_cpu = mx.nd.ones((2,), ctx=mx.gpu()), mx.nd.ones((2,))
    with pytest.raises(mx.MXNetError, match=r"\[elemwise_add\] inputs: expected one device, got gpu\(0\) and cpu\(0\)"):
        mx.nd.elemwise_add(on_gpu, on_cpu)
    with pytest.raises(mx.MXNetError, match=r"\[gpu\(\d+\)\]"):
        mx.nd.ones((2,), ctx=mx.gpu(mx.num_gpus()))
    with pytest.raises(mx.MXNetError, match=r"sparse arrays are on the CPU, got gpu\(0\)"):
        mx.nd.sparse.csr_matrix(mx.nd.ones((2, 2))).as_in_context(mx.gpu())


def test_a_library_that_is_named_must_be_there():
    program = "import mixnet as mx\na = mx.nd.ones((2, 2), mx.gpu())\ntry:\n    mx.nd.dot(a, a).asnumpy()\nexcept mx.MXNetError as error:\n    print(error)\n"
    environment = dict(os.environ, MIXNET_CUBLASLT="/nowhere/x.so")
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "[gpu] cuBLASLt: expected MIXNET_CUBLASLT to be a library's path, got none at /nowhere/x.so (in dot (2, 2) (2, 2))", (
        result.stderr
    )


def test_what_has_no_kernel_says_why(tmp_path):
    picture = mx.nd.ones((4, 4, 3), ctx=mx.gpu(), dtype="uint8")
    with pytest.raises(mx.MXNetError, match=r"\[_cvimresize\] no kernel for gpu\(0\): pictures are decoded"):
        mx.nd._cvimresize(picture, w=2, h=2)
    root, plugin = pathlib.Path(__file__).resolve().parents[2], tmp_path / "operators.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    subprocess.run([compiler, "-shared", "-fPIC", "-I", root / "include", root / "examples/plugin/operators.c", "-o", plugin, "-lm"], check=True)
    mx.library.load(str(plugin), verbose=False)
    with pytest.raises(mx.MXNetError, match=r"\[swish\] no kernel for gpu\(0\): its plug-in runs on arrays of the host"):
        mx.nd.swish(mx.nd.ones((2,), ctx=mx.gpu()))


def test_boxes_are_matched_and_found():
    rng = np.random.RandomState(3)
    corner = rng.uniform(0, 0.7, (2, 4, 2))
    labels = np.concatenate([rng.randint(0, 3, (2, 4, 1)), corner, corner + rng.uniform(0.1, 0.3, (2, 4, 2))], axis=2)
    scores, offsets = rng.uniform(-2, 2, (2, 4, 192)), rng.uniform(-1, 1, (2, 768))

    def run(ctx):
        given = [mx.nd.array(a, ctx=ctx) for a in (labels, scores, offsets)]
        anchors = mx.nd.contrib.MultiBoxPrior(mx.nd.zeros((1, 1, 8, 8), ctx=ctx), sizes=[0.2, 0.3], ratios=[1, 2])
        targets = mx.nd.contrib.MultiBoxTarget(anchors, given[0], given[1], negative_mining_ratio=3)
        found = mx.nd.contrib.MultiBoxDetection(mx.nd.softmax(given[1], axis=1), given[2], anchors, nms_threshold=0.4)
        best = mx.nd.contrib.box_nms(found, overlap_thresh=0.2, id_index=0, topk=20)
        assert best.context == ctx
        return [a.asnumpy() for a in (*targets, found, best)]

    want = run(mx.cpu())
    assert (want[2] > 0).any()
    assert (want[3][:, :, 0] == -1).any()
    for got, expected in zip(run(mx.gpu()), want):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_memory_is_told():
    free, total = mx.context.gpu_memory_info(0)
    assert 0 < free <= total
    assert mx.context.storage_info(mx.gpu())["in_use"] >= 0


def test_a_process_ends_with_work_under_way():
    program = "import mixnet as mx\na = mx.nd.ones((256, 256), mx.gpu())\nfor _ in range(50): a = a * 1.01\n"
    result = subprocess.run([sys.executable, "-c", program], env=dict(os.environ), capture_output=True, timeout=120)
    assert result.returncode == 0, result.stderr.decode()


@pytest.mark.parametrize("main, other", [(mx.cpu(), mx.gpu()), (mx.gpu(), mx.cpu()), (mx.gpu(0), mx.gpu(1))])
def test_convolutions_on_several_devices(main, other):
    """Sums and activations join the convolutions of their own device, whichever that is."""
    with mx.AttrScope(ctx_group="first"):
        a = mx.sym.Activation(mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=4, pad=(1, 1)), act_type="relu")
    with mx.AttrScope(ctx_group="second"):
        b = mx.sym.Activation(mx.sym.Convolution(a, kernel=(3, 3), num_filter=4, pad=(1, 1)) + a, act_type="relu")
    with mx.AttrScope(ctx_group="first"):
        c = mx.sym.Convolution(b, kernel=(3, 3), num_filter=4, pad=(1, 1))
    with mx.AttrScope(ctx_group="second"):
        net = mx.sym.Activation(c, act_type="tanh")

    def results(places):
        bound = net.simple_bind(places["second"], data=(2, 3, 8, 8), group2ctx=places)
        random = np.random.RandomState(0)
        for array in bound.arg_arrays:
            array[:] = mx.nd.array(random.randn(*array.shape) * 0.3, array.context)
        outputs = [bound.forward(is_train=training)[0].asnumpy() for training in (False, True)]
        bound.backward(mx.nd.ones(outputs[0].shape, places["second"]))
        return outputs + [gradient.asnumpy() for gradient in bound.grad_arrays]

    for got, expected in zip(results({"first": other, "second": main}), results({"first": mx.cpu(), "second": mx.cpu()})):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
