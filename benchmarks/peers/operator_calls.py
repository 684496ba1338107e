"""Calls of single operators, by name, on arrays of a size at which time is memory and arithmetic and not the call.

Names and options are MXNet's, which runs the same.
"""

import numpy as np

IMAGES, VECTOR, ROWS = (8, 64, 56, 56), 1_600_000, (4096, 1000)
TINY = {IMAGES: (2, 8, 8, 8), (VECTOR,): (160,), ROWS: (32, 10)}


class Arrays:
    """Arrays by what they are, made when they are first asked for."""

    def __init__(self, mx, tiny=False):
        self._mx, self._random = mx, np.random.RandomState(0)
        self._made, self._tiny = {}, tiny

    def _shape(self, shape):
        return TINY[shape] if self._tiny else shape

    def _keep(self, name, values):
        if name not in self._made:
            self._made[name] = self._mx.nd.array(values().astype("float32"))
        return self._made[name]

    @property
    def x(self):
        """Images, between -1 and 1."""
        return self._keep("x", lambda: self._random.uniform(-1, 1, self._shape(IMAGES)))

    @property
    def p(self):
        """Images, between 0.1 and 0.9."""
        return self._keep("p", lambda: self._random.uniform(0.1, 0.9, self._shape(IMAGES)))

    @property
    def rows(self):
        return self._keep("rows", lambda: self._random.uniform(-1, 1, self._shape(ROWS)))

    @property
    def labels(self):
        """A number of a column for each row."""
        return self._keep("labels", lambda: self._random.randint(0, self._shape(ROWS)[1], self._shape(ROWS)[0]))

    @property
    def vector(self):
        return self._keep("vector", lambda: self._random.uniform(-1, 1, self._shape((VECTOR,))))

    @property
    def regions(self):
        """Of the images: number of the image, x1, y1, x2, y2."""
        count, (images, _, _, width) = (4 if self._tiny else 128), self._shape(IMAGES)
        draw = self._random.randint
        return self._keep(
            "regions", lambda: np.concatenate([draw(0, images, (count, 1)), draw(0, width // 3, (count, 2)), draw(width // 2, width, (count, 2))], axis=1)
        )

    def filled(self, value, *shape):
        return self._keep(("filled", value, shape), lambda: np.full(shape, value))

    def per_channel(self, value=1):
        return self.filled(value, self._shape(IMAGES)[1])

    @property
    def spread(self):
        """One number for each channel of the images, to be broadcast."""
        return self.filled(0.5, 1, self._shape(IMAGES)[1], 1, 1)

    @property
    def each_channel(self):
        """Windows of a convolution channel by channel."""
        return self.filled(0.1, self._shape(IMAGES)[1], 1, 3, 3)

    def state(self, number, part=0):
        """Of a step, a weight or a moment, changed by it: like the images, or a sixteenth of them."""
        shape = self._shape(IMAGES)
        return self._keep(("state", number, part), lambda: self._random.uniform(0.1, 0.9, (shape[0] // 2, shape[1] // 8, *shape[2:]) if part else shape))

    @property
    def positive(self):
        """A positive definite matrix."""
        n = 10 if self._tiny else 500
        return self._keep("positive", lambda: 0.01 + 10 * np.eye(n))


# Of one number: f(nd, array of images).
POINTWISE = {
    **{name: (lambda nd, x, name=name: getattr(nd, name)(x)) for name in "relu sigmoid tanh exp erf softsign sin abs sign square floor arctan".split()},
    **{act: (lambda nd, x, act=act: nd.LeakyReLU(x, act_type=act)) for act in ("leaky", "elu", "selu", "gelu")},
    "softrelu": lambda nd, x: nd.Activation(x, act_type="softrelu"),
    "hard_sigmoid": lambda nd, x: nd.hard_sigmoid(x),
    "smooth_l1": lambda nd, x: nd.smooth_l1(x, scalar=1.0),
    "clip": lambda nd, x: nd.clip(x, -0.5, 0.5),
}
# Of images: f(nd, images, Arrays). All have gradients.
LAYERS = {
    **{name: (lambda nd, x, a, f=f: f(nd, x)) for name, f in POINTWISE.items() if name not in ("sign", "floor")},
    "prelu": lambda nd, x, a: nd.LeakyReLU(x, a.per_channel(0.25), act_type="prelu"),
    "where": lambda nd, x, a: nd.where(a.p > 0.5, x, a.p),
    "broadcast_mul": lambda nd, x, a: nd.broadcast_mul(x, a.spread),
    "Dropout": lambda nd, x, a: nd.Dropout(x, p=0.5),
    "softmax": lambda nd, x, a: nd.softmax(x),
    "softmax of channels": lambda nd, x, a: nd.softmax(x, axis=1),
    "BatchNorm": lambda nd, x, a: nd.BatchNorm(x, a.per_channel(), a.per_channel(0), a.per_channel(0) + 0, a.per_channel() + 0, fix_gamma=False),
    "InstanceNorm": lambda nd, x, a: nd.InstanceNorm(x, a.per_channel(), a.per_channel(0)),
    "LayerNorm": lambda nd, x, a: nd.LayerNorm(x, a.filled(1, x.shape[-1]), a.filled(0, x.shape[-1])),
    "L2Normalization": lambda nd, x, a: nd.L2Normalization(x),
    "LRN": lambda nd, x, a: nd.LRN(x, nsize=5),
    "max pooling": lambda nd, x, a: nd.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max"),
    "average pooling": lambda nd, x, a: nd.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="avg"),
    "lp pooling": lambda nd, x, a: nd.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="lp", p_value=2),
    "AdaptiveAvgPooling2D": lambda nd, x, a: nd.contrib.AdaptiveAvgPooling2D(x, output_size=7),
    "UpSampling": lambda nd, x, a: nd.UpSampling(x, scale=2, sample_type="nearest"),
    "BilinearResize2D": lambda nd, x, a: nd.contrib.BilinearResize2D(x, height=112, width=112),
    "convolution by channel": lambda nd, x, a: nd.Convolution(
        x, a.each_channel, kernel=(3, 3), pad=(1, 1), num_filter=x.shape[1], num_group=x.shape[1], no_bias=True
    ),
    "transpose": lambda nd, x, a: nd.transpose(x, axes=(0, 2, 3, 1)),
    "slice_axis": lambda nd, x, a: nd.slice_axis(x, axis=1, begin=3, end=-1),
    "pad": lambda nd, x, a: nd.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 2, 2, 2, 2)),
    "tile": lambda nd, x, a: nd.tile(x, (1, 2, 1, 1)),
    "repeat": lambda nd, x, a: nd.repeat(x, 2, axis=1),
    "flip": lambda nd, x, a: nd.flip(x, axis=3),
    "depth_to_space": lambda nd, x, a: nd.depth_to_space(x, 2),
    "concat": lambda nd, x, a: nd.concat(x, a.p, dim=1),
    "mean of pixels": lambda nd, x, a: nd.mean(x, axis=(2, 3)),
    "sum of channels": lambda nd, x, a: nd.sum(x, axis=1),
    "max of channels": lambda nd, x, a: nd.max(x, axis=1),
    "prod of channels": lambda nd, x, a: nd.prod(x, axis=1),
    "norm of channels": lambda nd, x, a: nd.norm(x, axis=1),
    "ROIPooling": lambda nd, x, a: nd.ROIPooling(x, a.regions, (7, 7), 1.0),
    "ROIAlign": lambda nd, x, a: nd.contrib.ROIAlign(x, a.regions, (7, 7), 1.0),
}


def step(name, states, **options):
    """A step of an optimizer with so many states."""
    return lambda nd, a: getattr(nd, name)(a.state(0), a.x, *(a.state(1 + k) for k in range(states)), out=a.state(0), lr=0.01, wd=0.0001, **options)


def steps_together(nd, a):
    """SGD with momentum for 16 weights."""
    weights = [a.state(0, part) for part in range(1, 17)]
    arrays = [a.state(kind, part) for part in range(1, 17) for kind in range(3)]
    return nd.multi_sgd_mom_update(*arrays, out=weights, lrs=[0.01] * 16, wds=[0.0001] * 16, momentum=0.9, num_weights=16)[0]


# f(nd, Arrays), without gradients.
OTHERS = {
    "sign": lambda nd, a: nd.sign(a.x),
    "floor": lambda nd, a: nd.floor(a.x),
    "add": lambda nd, a: a.x + a.p,
    "greater": lambda nd, a: a.x > a.p,
    "log": lambda nd, a: nd.log(a.p),
    "power": lambda nd, a: a.p**2.5,
    "sum": lambda nd, a: nd.sum(a.x),
    "argmax": lambda nd, a: nd.argmax(a.rows, axis=1),
    "topk": lambda nd, a: nd.topk(a.rows, k=5),
    "sort": lambda nd, a: nd.sort(a.rows),
    "pick": lambda nd, a: nd.pick(a.rows, a.labels),
    "take": lambda nd, a: nd.take(a.rows, a.labels),
    "one_hot": lambda nd, a: nd.one_hot(a.labels, 1000),
    "quantize": lambda nd, a: nd.contrib.quantize_v2(a.x, min_calib_range=-1.0, max_calib_range=1.0)[0],
    "to float16": lambda nd, a: a.x.astype("float16"),
    "potrf": lambda nd, a: nd.linalg.potrf(a.positive),
    "uniform": lambda nd, a: nd.random.uniform(shape=a.vector.shape),
    "normal": lambda nd, a: nd.random.normal(shape=a.vector.shape),
    "shuffle": lambda nd, a: nd.random.shuffle(a.vector),
    "multinomial": lambda nd, a: nd.random.multinomial(nd.softmax(a.rows), shape=20),
    "step of SGD": step("sgd_mom_update", 1, momentum=0.9),
    "step of NAG": step("nag_mom_update", 1, momentum=0.9),
    "step of Adam": step("adam_update", 2),
    "step of RMSProp": step("rmsprop_update", 1),
    "step of FTRL": step("ftrl_update", 2),
    "step of FTML": step("ftml_update", 3, t=3),
    "direction of LAMB": lambda nd, a: nd.lamb_update_phase1(a.state(0), a.x, a.state(1), a.state(2), t=3, wd=0.0001),
    "steps of SGD together": steps_together,
    "sums of squares": lambda nd, a: nd.multi_sum_sq(*(a.state(0, part) for part in range(1, 17)), num_arrays=16),
    "all finite": lambda nd, a: nd.multi_all_finite(*(a.state(0, part) for part in range(1, 17)), num_arrays=16),
}


def names():
    """(name, whether with its gradient) of every call."""
    return [*((name, False) for name in OTHERS), *((name, gradient) for name in LAYERS for gradient in (False, True))]


def call(mx, arrays, name, gradient):
    """What runs an operator once and waits for it; `gradient`: recorded, and back."""
    nd = mx.nd
    if name in OTHERS:
        return lambda: OTHERS[name](nd, arrays).wait_to_read()
    if not gradient:
        return lambda: LAYERS[name](nd, arrays.x, arrays).wait_to_read()
    x = arrays.x.copy()
    x.attach_grad()

    def run():
        with mx.autograd.record():
            y = LAYERS[name](nd, x, arrays)
        y.backward()
        x.grad.wait_to_read()

    return run
