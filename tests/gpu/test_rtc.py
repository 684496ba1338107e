"""mx.rtc: kernels in CUDA C from Python, and groups of operators compiled at run time in what users call."""

import numpy as np
import pytest

import mixnet as mx

SOURCE = """
extern "C" __global__ void axpy(const float *x, float *y, float alpha, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += alpha * x[i];
}
extern "C" __global__ void tell(long *out, double d, unsigned char u, signed char s, long k, bool b) {
  out[0] = (long)(d * 4);
  out[1] = u;
  out[2] = s;
  out[3] = k;
  out[4] = b;
}
extern "C" __global__ void places(int *out) {
  int block = blockIdx.y * gridDim.x + blockIdx.x;
  out[block * blockDim.x + threadIdx.x] = 100 * blockIdx.y + 10 * blockIdx.x + threadIdx.x;
}
template <class T> __global__ void twice(T *x) { x[threadIdx.x] *= 2; }
"""


@pytest.fixture(scope="module", autouse=True)
def kernels_in(tmp_path_factory):
    """Compiled kernels go to a folder of the tests, and groups are formed on emulated GPUs too."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kernels")
        patch.setenv("MIXNET_CACHE", str(folder))
        patch.setenv("MIXNET_GPU_FUSION", "1")
        yield folder


@pytest.fixture(scope="module")
def module():
    return mx.rtc.CudaModule(SOURCE, exports=["twice<float>"])


def test_a_kernel_in_the_order_of_operators(module):
    axpy = module.get_kernel("axpy", "const float *x, float *y, float alpha, int n")
    x, y = mx.nd.ones((10,), mx.gpu()) * 3, mx.nd.zeros((10,), mx.gpu())
    for _ in range(5):
        axpy.launch([x, y, 2.0, 10], mx.gpu(0), (3, 1, 1), (4, 1, 1))
        x = x + 1  # a new array; the kernel has its own
    y += 1
    assert y.asnumpy().tolist() == [1 + 2 * (3 + 4 + 5 + 6 + 7)] * 10


def test_a_view_and_the_rest_of_its_array(module):
    axpy = module.get_kernel("axpy", "const float *x, float *y, float alpha, int n")
    y = mx.nd.zeros((3, 4), mx.gpu())
    axpy.launch([mx.nd.ones((4,), mx.gpu()), y[1], 1, 4], mx.gpu(0), (1,), (4,))
    assert y.asnumpy().tolist() == [[0] * 4, [1] * 4, [0] * 4]


def test_numbers_of_every_kind(module):
    tell = module.get_kernel("tell", "int64_t *out, double d, uint8_t u, int8_t s, int64_t k, bool b")
    out = mx.nd.zeros((5,), mx.gpu(), dtype="int64")
    tell.launch([out, 2.75, 200, -100, 2**62 + 1, True], mx.gpu(), 1, 1)
    assert out.asnumpy().tolist() == [11, 200, -100, 2**62 + 1, 1]


def test_grids_and_blocks(module):
    out = mx.nd.zeros((2, 3, 4), mx.gpu(), dtype="int32")
    module.get_kernel("places", "int *out").launch([out], mx.gpu(), (3, 2), 4)
    want = [[[100 * y + 10 * x + t for t in range(4)] for x in range(3)] for y in range(2)]
    assert out.asnumpy().tolist() == want


def test_a_template(module):
    x = mx.nd.array([1, 2, 3], ctx=mx.gpu())
    module.get_kernel("twice<float>", "float *x").launch([x], mx.gpu(), 1, 3)
    assert x.asnumpy().tolist() == [2, 4, 6]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (lambda: [1], r"\[rtc axpy\] arguments: expected 4, got 1"),
        (lambda: [mx.nd.ones(4, mx.gpu()), 5, 1, 4], r"\[rtc axpy\] y: expected an array, got a number"),
        (lambda: [mx.nd.ones(4, mx.gpu())] * 3 + [4], r"\[rtc axpy\] alpha: expected a number, got an array"),
        (lambda: [mx.nd.ones(4, mx.gpu(), dtype="float64"), mx.nd.ones(4, mx.gpu()), 1, 4], r"\[rtc axpy\] x: expected float32, got float64"),
        (lambda: [mx.nd.ones(4), mx.nd.ones(4, mx.gpu()), 1, 4], r"\[rtc axpy\] x: expected an array on gpu\(0\), got one on cpu\(0\)"),
        (lambda: [mx.nd.ones(4, mx.gpu()), mx.nd.ones(4, mx.gpu()), 1, 1.5], r"\[rtc axpy\] n: expected a whole number for int, got 1.5"),
        (lambda: [mx.nd.ones(4, mx.gpu()), mx.nd.ones(4, mx.gpu()), 1, 2**31], r"\[rtc axpy\] n: expected -2147483648 to 2147483647 for int, got 2147483648"),
    ],
)
def test_arguments_that_do_not_fit(module, args, message):
    axpy = module.get_kernel("axpy", "const float *x, float *y, float alpha, int n")
    with pytest.raises(mx.MXNetError, match=message):
        axpy.launch(args(), mx.gpu(), (1,), (4,))


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("float **x", r"\[rtc axpy\] signature: expected parameters such as 'const float \*x', got 'float \*\*x'"),
        ("string x", r"\[rtc axpy\] signature: x: expected one of float, double, .*, got 'string'"),
        ("uint64_t *x", r"\[rtc axpy\] signature: x: expected one of .* for a pointer, got 'uint64_t'"),
        ("float *x,", r"\[rtc axpy\] signature: expected parameters"),
    ],
)
def test_signatures_that_are_none(module, signature, message):
    with pytest.raises(mx.MXNetError, match=message):
        module.get_kernel("axpy", signature)


def test_other_mistakes(module):
    with pytest.raises(mx.MXNetError, match=r"^\[rtc\] line 2: .*undeclared_name"):
        mx.rtc.CudaModule('extern "C" __global__ void f(float *x) {\n  x[0] = undeclared_name;\n}')
    with pytest.raises(mx.MXNetError, match=r"^\[rtc\] "):
        module.get_kernel("nobody", "float *x")
    twice = module.get_kernel("twice<float>", "float *x")
    x = mx.nd.ones(4, mx.gpu())
    with pytest.raises(mx.MXNetError, match=r"\[rtc\] device: expected a GPU, got cpu\(0\)"):
        twice.launch([x], mx.cpu(), 1, 1)
    with pytest.raises(mx.MXNetError, match="block: expected extents of at least 1, got 0"):
        twice.launch([x], mx.gpu(), 1, 0)
    with pytest.raises(ValueError, match="grid_dims: expected one to three extents"):
        twice.launch([x], mx.gpu(), (1, 1, 1, 1), 1)
    with pytest.raises(TypeError, match=r"argument 0: expected an NDArray or a number, got str"):
        twice.launch(["x"], mx.gpu(), 1, 1)
    # What the GPU refuses stands on what the kernel would have written.
    twice.launch([x], mx.gpu(), 1, 4096)
    with pytest.raises(mx.MXNetError, match=r"\[rtc\] launch of a kernel: invalid"):
        x.asnumpy()


def test_groups_in_what_users_call(kernels_in):
    def curve(x, w):
        return mx.nd.sigmoid(x * w + 1) * mx.nd.tanh(x) - 0.5 * x

    rng = np.random.RandomState(0)
    values = [rng.rand(4, 300).astype("float32") for _ in range(2)]

    def jitted(ctx):
        x, w = (mx.nd.array(v, ctx=ctx) for v in values)
        x.attach_grad()
        step = mx.jit(curve)
        with mx.autograd.record():
            y = step(x, w)
        y.backward()
        return y.asnumpy(), x.grad.asnumpy(), step(x, w).asnumpy()

    before = len(list(kernels_in.rglob("*")))
    on_gpu = jitted(mx.gpu())
    assert len(list(kernels_in.rglob("*"))) > before  # groups were compiled
    for got, want in zip(on_gpu, jitted(mx.cpu()), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_the_papers_expression_is_one_kernel():
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    bound = {}
    for ctx in (mx.gpu(), mx.cpu()):
        arrays = {"a": mx.nd.ones((2, 3), ctx), "b": mx.nd.ones((2, 3), ctx) * 4}
        bound[ctx] = (a * b + 1).bind(ctx, arrays, grad_req="null")
        bound[ctx].forward()
    assert bound[mx.gpu()].outputs[0].asnumpy().tolist() == bound[mx.cpu()].outputs[0].asnumpy().tolist() == [[5] * 3] * 2
    # One step, which is named by both operators.
    assert "elemwise_mul+_plus_scalar" in bound[mx.gpu()].debug_str()


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("main", [mx.cpu(), mx.gpu()])
def test_a_graph_on_both_devices(main, dtype):
    other = mx.gpu() if main == mx.cpu() else mx.cpu()
    with mx.AttrScope(ctx_group="first"):
        y = mx.sym.Variable("a") * mx.sym.Variable("b") + 1
    with mx.AttrScope(ctx_group="second"):
        z = (y * 2 + 3) * y
    arrays = {"a": mx.nd.ones((2, 3), other, dtype=dtype), "b": mx.nd.ones((2, 3), other, dtype=dtype) * 4}
    bound = z.bind(main, arrays, grad_req="null", group2ctx={"first": other, "second": main})
    bound.forward()
    assert bound.outputs[0].asnumpy().tolist() == [[65] * 3] * 2
