"""What the test of the ONNX exporter runs: operator by operator, (label, operator, parameters, inputs).

An input is a shape (uniform numbers in `low` to `high`), or an array. `params` are inputs whose values are known when exporting.
"""

import numpy as np

RNG = np.random.RandomState(7)
UNARY = """abs negative ceil floor sin cos tan arctan sinh cosh tanh arcsinh erf sigmoid relu softsign sign square cbrt trunc fix round exp expm1
hard_sigmoid smooth_l1 degrees radians _copy BlockGrad MakeLoss zeros_like ones_like logical_not shape_array size_array Flatten argmax_channel
softmax log_softmax softmin SoftmaxActivation identity make_loss rint _contrib_round_ste _contrib_sign_ste _contrib_div_sqrt_dim""".split()
POSITIVE = "sqrt rsqrt rcbrt log log2 log10 log1p reciprocal arccosh".split()
BINARY = """elemwise_add elemwise_sub elemwise_mul elemwise_div _power _maximum _minimum _mod _hypot _equal _not_equal _greater _greater_equal
_lesser _lesser_equal _logical_and _logical_or _logical_xor""".split()
BROADCAST = """broadcast_add broadcast_sub broadcast_mul broadcast_div broadcast_power broadcast_maximum broadcast_minimum broadcast_mod
broadcast_hypot broadcast_equal broadcast_not_equal broadcast_greater broadcast_greater_equal broadcast_lesser broadcast_lesser_equal
broadcast_logical_and broadcast_logical_or broadcast_logical_xor""".split()
SCALAR = """_plus_scalar _minus_scalar _rminus_scalar _mul_scalar _div_scalar _rdiv_scalar _mod_scalar _rmod_scalar _power_scalar _rpower_scalar
_maximum_scalar _minimum_scalar _hypot_scalar _equal_scalar _not_equal_scalar _greater_scalar _greater_equal_scalar _lesser_scalar
_lesser_equal_scalar _logical_and_scalar _logical_or_scalar _logical_xor_scalar""".split()
REDUCTIONS = "sum mean prod max min nansum nanprod norm".split()


def whole(limit, *shape):
    """Whole numbers as floats."""
    return RNG.randint(0, limit, shape).astype("float32")


def sample(op, *inputs, params=(), low=-2.0, high=2.0, opset=13, **settings):
    """One line of the table."""
    return {"op": op, "inputs": inputs, "params": params, "low": low, "high": high, "opset": opset, "settings": settings}


def pointwise():
    """Functions of single elements."""
    yield from (sample(op, (2, 3, 4)) for op in UNARY)
    yield from (sample(op, (2, 3, 4), low=1.1, high=3) for op in POSITIVE)
    yield from (sample(op, (3, 4), low=-0.9, high=0.9) for op in ("arcsin", "arccos", "arctanh"))
    yield from (sample(op, (3, 4), (3, 4), low=0.5, high=3) for op in BINARY)
    yield from (sample(op, (3, 4, 1), (1, 4, 5), low=0.5, high=3) for op in BROADCAST)
    yield from (sample(op, (3, 4), low=0.5, high=3, scalar=1.5) for op in SCALAR)
    yield sample("_equal", whole(2, 3, 4), whole(2, 3, 4))
    yield sample("_mod", (30,), (30,))
    yield sample("_mod_scalar", (30,), scalar=0.7)
    yield sample("_div_scalar", RNG.randint(-9, 9, 12).astype("int32"), scalar=2)
    yield sample("_plus_scalar", RNG.randint(-9, 9, 12).astype("int32"), scalar=2)
    yield sample("clip", (20,), a_min=-0.5, a_max=0.7)
    yield sample("add_n", (3, 4), (3, 4), (3, 4), num_args=3)
    yield sample("round", np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.2], "float32"))
    yield sample("rint", np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.2], "float32"))
    yield sample("where", whole(2, 3, 4), (3, 4), (3, 4))
    yield sample("where", whole(2, 3), (3, 4), (3, 4))
    yield sample("_contrib_quadratic", (5,), a=2, b=-1, c=0.5)
    yield from (sample("Activation", (3, 4), act_type=kind) for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign"))
    yield from (sample("LeakyReLU", (2, 3, 4), act_type=kind) for kind in ("leaky", "elu", "selu", "gelu", "rrelu"))
    yield sample("LeakyReLU", (2, 3, 4), act_type="gelu", opset=20)
    yield sample("LeakyReLU", (2, 3, 4), (3,), act_type="prelu")
    yield sample("softmax", (2, 3, 4), axis=1, temperature=2.0)
    yield sample("SoftmaxActivation", (2, 3, 4, 5), mode="channel")
    yield sample("Cast", (3, 4), dtype="int32")
    yield sample("amp_cast", (3, 4), dtype="float16")
    yield sample("amp_multicast", (3, 4), (3, 4), num_outputs=2)
    yield sample("_contrib_gradientmultiplier", (3, 4), scalar=2)
    yield sample("_square_sum", (3, 4), axis=1)
    yield sample("_identity_with_attr_like_rhs", (3, 4), (3, 4))
    yield sample("Cast", (3, 4), low=0, high=200, dtype="uint8")


def layers():
    """Convolutions, pooling, normalisation, dense layers, losses."""
    yield sample("Convolution", (2, 3, 8, 7), (4, 3, 3, 2), (4,), kernel=(3, 2), num_filter=4, stride=(2, 1), pad=(1, 0))
    yield sample("Convolution", (2, 4, 8, 8), (6, 2, 3, 3), kernel=(3, 3), num_filter=6, num_group=2, dilate=(2, 2), no_bias=True)
    yield sample("Convolution", (2, 3, 9), (4, 3, 3), (4,), kernel=(3,), num_filter=4)
    yield sample("Convolution", (1, 2, 4, 5, 6), (3, 2, 2, 2, 2), (3,), kernel=(2, 2, 2), num_filter=3)
    yield sample("Deconvolution", (2, 3, 5, 4), (3, 2, 3, 3), kernel=(3, 3), num_filter=2, stride=(2, 2), pad=(1, 1), adj=(1, 1), no_bias=True)
    yield sample("Deconvolution", (1, 4, 5, 5), (4, 2, 4, 4), (4,), kernel=(4, 4), num_filter=4, num_group=2, stride=(2, 2), no_bias=False)
    yield sample("Deconvolution", (1, 2, 5, 5), (2, 2, 4, 4), kernel=(4, 4), num_filter=2, stride=(2, 2), target_shape=(10, 10), no_bias=True)
    for kind in ("max", "avg", "sum", "lp"):
        extra = {"p_value": 2} if kind == "lp" else {}
        for convention in ("valid", "full"):
            yield sample("Pooling", (2, 3, 9, 8), pool_type=kind, kernel=(3, 2), stride=(3, 2), pad=(1, 1), pooling_convention=convention, **extra)
        yield sample("Pooling", (2, 3, 4, 5), pool_type=kind, global_pool=True, kernel=(1, 1), **extra)
    yield sample("Pooling", (2, 3, 9, 9), pool_type="avg", kernel=(3, 3), stride=(2, 2), pad=(1, 1), count_include_pad=False)
    yield sample("Pooling", (2, 3, 10), pool_type="max", kernel=(3,), stride=(2,), pooling_convention="full")
    yield sample("_contrib_AdaptiveAvgPooling2D", (2, 3, 7, 5), output_size=(3, 2))
    yield sample("_contrib_AdaptiveAvgPooling2D", (2, 3, 7, 5), output_size=1)
    yield sample("Convolution", (2, 8, 7, 4), (6, 3, 2, 2), (6,), kernel=(3, 2), num_filter=6, num_group=2, stride=(2, 1), layout="NHWC")
    yield sample("Deconvolution", (2, 5, 4, 3), (3, 3, 3, 2), kernel=(3, 3), num_filter=2, stride=(2, 2), no_bias=True, layout="NHWC")
    yield sample("Pooling", (2, 9, 8, 3), pool_type="avg", kernel=(3, 2), stride=(2, 2), pad=(1, 1), pooling_convention="full", layout="NHWC")
    yield sample("Pooling", (2, 3, 9), pool_type="max", kernel=(3,), stride=(2,), pad=(1,), pooling_convention="same")
    statistics = [np.linspace(0.5, 1.5, 3).astype("float32")] * 4
    yield sample("BatchNorm", (2, 3, 4, 5), *statistics, fix_gamma=False, eps=1e-3)
    yield sample("BatchNorm", (2, 3, 4), *statistics, fix_gamma=True)
    yield sample("BatchNorm", (2, 4, 3), *statistics, fix_gamma=False, axis=-1)
    yield sample("_contrib_BatchNormWithReLU", (2, 3, 4, 5), *statistics, fix_gamma=False)
    yield sample("_contrib_SyncBatchNorm", (2, 3, 4, 5), *statistics, fix_gamma=False, key="bn")
    for opset in (13, 17, 18):
        yield sample("LayerNorm", (2, 3, 5), (5,), (5,), opset=opset)
    yield sample("LayerNorm", (2, 3, 5), (3,), (3,), axis=1)
    yield sample("InstanceNorm", (2, 3, 4, 5), (3,), (3,))
    yield sample("GroupNorm", (2, 6, 4, 5), (3,), (3,), num_groups=3)
    yield from (sample("L2Normalization", (2, 3, 4, 5), mode=mode) for mode in ("instance", "channel", "spatial"))
    yield sample("LRN", (2, 7, 4, 5), nsize=5, alpha=0.1, beta=0.75, knorm=2)
    yield sample("moments", (2, 3, 4), axes=(0, 2))
    yield sample("moments", (2, 3))
    yield sample("LRN", (2, 7, 4), nsize=3, alpha=0.1)
    yield sample("_linalg_det", (3, 3))
    yield sample("pick", (5,), whole(5, 1))
    yield sample("squeeze", (1, 1))
    yield sample("FullyConnected", (2, 3, 4), (5, 12), (5,), num_hidden=5)
    yield sample("FullyConnected", (2, 3), (5, 3), num_hidden=5, no_bias=True)
    yield sample("FullyConnected", (2, 3, 4), (5, 4), (5,), num_hidden=5, flatten=False)
    yield sample("FullyConnected", (2, 3, 4), (5, 4), num_hidden=5, flatten=False, no_bias=True)
    yield sample("Dropout", (3, 4), p=0.5)
    for loss in ("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput", "SVMOutput"):
        yield sample(loss, (4, 5))
    yield sample("SoftmaxOutput", (2, 3, 4), multi_output=True)
    yield sample("SoftmaxOutput", (2, 3, 4), preserve_shape=True)
    yield sample("SoftmaxOutput", (2, 3, 4))
    yield sample("softmax_cross_entropy", (4, 5), whole(5, 4))


def shapes():
    """Other shapes, pieces, copies."""
    yield sample("Reshape", (2, 3, 4), shape=(0, -1))
    yield sample("Reshape", (2, 3, 4), shape=(-3, 0))
    yield sample("Reshape", (2, 6, 4), shape=(0, -4, 2, -1, -2))
    yield sample("reshape_like", (2, 6), (3, 4))
    yield sample("transpose", (2, 3, 4), axes=(1, 2, 0))
    yield sample("transpose", (2, 3, 4))
    yield sample("SwapAxis", (2, 3, 4), dim1=0, dim2=2)
    yield sample("expand_dims", (2, 3), axis=-1)
    yield sample("squeeze", (2, 1, 3, 1))
    yield sample("squeeze", (2, 1, 3, 1), axis=1)
    yield sample("depth_to_space", (1, 8, 2, 3), block_size=2)
    yield sample("space_to_depth", (1, 2, 4, 6), block_size=2)
    yield sample("broadcast_to", (2, 1, 4), shape=(2, 3, 4))
    yield sample("broadcast_axis", (2, 1, 1), axis=(1, 2), size=(3, 4))
    yield sample("broadcast_like", (2, 1), (2, 3))
    yield sample("tile", (2, 3), reps=(2, 1, 2))
    yield sample("tile", (2, 3, 2), reps=(2,))
    yield sample("repeat", (2, 3), repeats=2, axis=1)
    yield sample("repeat", (2, 3), repeats=2)
    for mode in ("constant", "edge", "reflect"):
        yield sample("Pad", (1, 2, 4, 5), mode=mode, pad_width=(0, 0, 0, 0, 1, 2, 2, 1), constant_value=1.5 if mode == "constant" else 0)
    yield sample("reverse", (2, 3, 4), axis=(0, 2))
    yield sample("Concat", (2, 3), (2, 4), num_args=2, dim=1)
    yield sample("stack", (2, 3), (2, 3), num_args=2, axis=1)
    yield sample("SliceChannel", (2, 6), num_outputs=3, axis=1)
    yield sample("SliceChannel", (2, 3), num_outputs=3, axis=1, squeeze_axis=True)
    yield sample("_split_v2", (7, 2), indices=(0, 2, 5), axis=0)
    yield sample("_split_v2", (6, 2), indices=(), sections=3, axis=0)
    yield sample("slice", (4, 5, 6), begin=(1, None, 4), end=(3, 2, None), step=(1, 1, -2))
    yield sample("slice_axis", (4, 5), axis=1, begin=-3, end=None)
    yield sample("slice_like", (4, 5), (2, 3))
    yield sample("slice_like", (4, 5), (2, 3), axes=(1,))
    yield sample("Crop", (1, 2, 6, 7), num_args=1, offset=(1, 2), h_w=(3, 4))
    yield sample("Crop", (1, 2, 6, 7), (1, 1, 4, 4), num_args=2, center_crop=True)
    for name, extra in {"_zeros": {}, "_ones": {}, "_full": {"value": 2.5}}.items():
        yield sample(name, shape=(2, 3), **extra)
    yield sample("_arange", start=1, stop=8, step=2)
    yield sample("_arange", start=0, stop=3, repeat=2)
    yield sample("_arange", start=5)
    yield sample("transpose", (2, 3, 4), axes=(0, -1, 1))
    yield sample("_linspace", start=0, stop=1, num=5)
    yield sample("_eye", N=3, M=4, k=1)
    yield sample("_contrib_arange_like", (3, 4), axis=1)
    yield sample("_contrib_arange_like", (3, 4))
    yield sample("_image_to_tensor", RNG.randint(0, 255, (4, 5, 3)).astype("uint8"))
    yield sample("_image_normalize", (3, 4, 5), mean=(0.1, 0.2, 0.3), std=(1, 2, 3))
    yield sample("_image_crop", (5, 6, 3), x=1, y=2, width=3, height=2)
    yield sample("_image_flip_left_right", (4, 5, 3))
    yield sample("_image_flip_top_bottom", (4, 5, 3))


def choices():
    """Reductions, orders, indices, products, sequences, places in images."""
    for op in REDUCTIONS:
        yield sample(op, (2, 3, 4), axis=1)
        yield sample(op, (2, 3, 4), axis=(0, 2), keepdims=True)
        yield sample(op, (2, 3, 4), axis=1, keepdims=True, opset=18)
        yield sample(op, (2, 3, 4))
    yield sample("sum", (2, 3, 4), axis=1, exclude=True)
    yield sample("norm", (2, 3, 4), ord=1, axis=2)
    yield from (sample(op, (2, 3, 4), axis=1) for op in ("argmax", "argmin"))
    yield from (sample(op, (2, 3, 4), axis=-1, keepdims=True) for op in ("argmax", "argmin"))
    yield sample("argmax", (2, 3, 4))
    yield from (sample("topk", (3, 6), k=2, ret_typ=kind) for kind in ("value", "indices", "both", "mask"))
    yield sample("topk", (3, 6), k=3, axis=0, is_ascend=True, ret_typ="value")
    yield sample("sort", (3, 6))
    yield sample("sort", (3, 6), is_ascend=False, axis=0)
    yield sample("argsort", (3, 6), is_ascend=False)
    yield sample("Embedding", whole(7, 2, 3), (6, 4), input_dim=6, output_dim=4)
    yield sample("take", (5, 4), whole(7, 2, 3), axis=0)
    yield sample("take", (5, 4), whole(9, 2) - 4, axis=1, mode="wrap")
    yield sample("pick", (3, 5), whole(5, 3))
    yield sample("pick", (3, 5, 2), whole(5, 3, 2), axis=1, keepdims=True)
    yield sample("batch_take", (3, 5), whole(5, 3))
    yield sample("one_hot", whole(6, 2, 3) - 1, depth=4, on_value=2, off_value=-1)
    yield sample("gather_nd", (3, 4, 2), np.stack([whole(3, 5), whole(4, 5)]))
    yield sample("scatter_nd", (3,), np.array([[0, 2, 1], [1, 0, 2]], "float32"), shape=(3, 4))
    yield sample("_ravel_multi_index", np.array([[1, 2], [3, 0]], "float32"), shape=(4, 5))
    yield sample("_contrib_index_copy", (4, 3), np.array([2, 0], "int64"), (2, 3))
    yield sample("diag", (3, 4))
    yield sample("dot", (2, 3), (3, 4))
    yield sample("dot", (3, 2), (4, 3), transpose_a=True, transpose_b=True)
    yield sample("dot", (2, 3, 4), (4, 5, 2))
    yield sample("dot", (4,), (4,))
    yield sample("batch_dot", (2, 3, 4), (2, 5, 4), transpose_b=True)
    yield sample("_linalg_gemm2", (2, 3, 4), (2, 3, 5), transpose_a=True, alpha=0.5)
    yield sample("_linalg_gemm", (2, 3, 4), (2, 4, 5), (2, 3, 5), alpha=0.5, beta=2)
    yield sample("_linalg_syrk", (2, 3, 4), alpha=2)
    yield sample("_linalg_det", (2, 3, 3))
    yield sample("_contrib_interleaved_matmul_selfatt_qk", (4, 2, 18), heads=3)
    yield sample("_contrib_interleaved_matmul_selfatt_valatt", (4, 2, 18), (6, 4, 4), heads=3)
    yield sample("_contrib_interleaved_matmul_encdec_qk", (4, 2, 6), (5, 2, 12), heads=3)
    yield sample("_contrib_interleaved_matmul_encdec_valatt", (5, 2, 12), (6, 4, 5), heads=3)
    four = [(2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 6)]
    hidden = np.where(RNG.uniform(0, 1, (2, 1, 3, 5)) < 0.5, -np.inf, 0.5).astype("float32")
    hidden[1, 0, 2] = -np.inf
    yield sample("_contrib_sdp_attention", *four)
    yield sample("_contrib_sdp_attention", *four, causal=True, scale=0.3)
    yield sample("_contrib_sdp_attention", *four, hidden, use_mask=True)
    yield sample("_unravel_index", np.array([[1, 19], [7, 12]], "float32"), shape=(4, 5))
    yield sample("_image_resize", (6, 5, 3), size=(8, 9))
    yield sample("_image_resize", (2, 6, 5, 3), size=(3, 4))
    lengths = np.array([2, 4, 1], "float32")
    for axis in (0, 1):
        data = (4, 3, 2) if axis == 0 else (3, 4, 2)
        yield sample("SequenceMask", data, lengths, use_sequence_length=True, value=-1, axis=axis)
        yield sample("SequenceLast", data, lengths, use_sequence_length=True, axis=axis)
        yield sample("SequenceLast", data, axis=axis)
    yield sample("SequenceMask", (4, 3, 2))
    yield sample("SequenceReverse", (4, 3, 2), lengths, use_sequence_length=True)
    yield sample("SequenceReverse", (4, 3, 2))
    for mode, gates in {"lstm": 4, "gru": 3, "rnn_relu": 1, "rnn_tanh": 1}.items():
        states = [(4, 2, 5)] * (2 if mode == "lstm" else 1)
        count = 2 * gates * 5 * (3 + 5 + 2) + 2 * gates * 5 * (10 + 5 + 2)
        settings = {"state_size": 5, "num_layers": 2, "bidirectional": True, "mode": mode, "state_outputs": True}
        yield sample("RNN", (6, 2, 3), (count,), *states, params=(1,), low=-0.5, high=0.5, **settings)
    yield sample("UpSampling", (1, 2, 3, 4), scale=2, sample_type="nearest", num_args=1)
    yield sample("UpSampling", (1, 2, 2, 2), (1, 3, 4, 4), scale=4, sample_type="nearest", num_args=2)
    yield sample("UpSampling", (1, 2, 3, 4), (2, 1, 4, 4), scale=2, sample_type="bilinear", num_args=2, num_filter=2)
    yield sample("_contrib_BilinearResize2D", (1, 2, 3, 4), height=7, width=5)
    yield sample("_contrib_BilinearResize2D", (1, 2, 6, 4), height=3, width=8, align_corners=False)
    rois = np.array([[0, 0, 0, 5, 6], [1, 1, 2, 6, 7], [0, 2, 2, 2, 2]], "float32")
    yield sample("ROIPooling", (2, 3, 8, 9), rois, pooled_size=(2, 3), spatial_scale=1.0)
    yield sample("_contrib_ROIAlign", (2, 3, 8, 9), rois, pooled_size=(2, 3), spatial_scale=0.5, sample_ratio=2)
    yield sample("_contrib_ROIAlign", (2, 3, 8, 9), rois, pooled_size=(2, 3), spatial_scale=1.0, aligned=True, opset=16)
    theta = np.array([[0.9, 0.1, 0, -0.1, 0.8, 0.2]] * 2, "float32")
    yield sample("SpatialTransformer", (2, 3, 6, 5), theta, target_shape=(4, 4), transform_type="affine", sampler_type="bilinear", opset=16)
    yield sample("GridGenerator", theta, target_shape=(4, 5), transform_type="affine", opset=16)
    yield sample("GridGenerator", (2, 2, 4, 5), transform_type="warp", opset=16)
    yield sample("GridGenerator", theta, target_shape=(1, 1), transform_type="affine", opset=16)
    yield sample("GridGenerator", (2, 2, 1, 1), transform_type="warp", opset=16)
    yield sample("BilinearSampler", (2, 3, 6, 5), (2, 2, 4, 4), low=-1.1, high=1.1, opset=20)


def corners(*shape):
    """Boxes in the unit square."""
    low = RNG.uniform(0, 0.7, (*shape, 2))
    return np.concatenate([low, low + RNG.uniform(0.1, 0.3, (*shape, 2))], -1).astype("float32")


def boxes():
    """Anchors and detection."""
    yield sample("_contrib_MultiBoxPrior", (1, 3, 4, 5), sizes=(0.2, 0.4), ratios=(1, 2), clip=True)
    yield sample("_contrib_box_iou", corners(2, 3), corners(4))
    yield sample("_contrib_box_iou", corners(3), corners(4), format="center")
    for form in ("center", "corner"):
        yield sample("_contrib_box_decode", (2, 5, 4), corners(1, 5), std0=0.1, std1=0.1, std2=0.2, std3=0.2, clip=0.3, format=form)
    rows = np.concatenate([whole(3, 2, 30, 1), RNG.uniform(-0.1, 1, (2, 30, 1)).astype("float32"), corners(2, 30)], -1)
    yield sample("_contrib_box_nms", rows, overlap_thresh=0.3, valid_thresh=0.05)
    yield sample("_contrib_box_nms", rows, overlap_thresh=0.3, valid_thresh=0.05, id_index=0, background_id=1, topk=20)
    yield sample("_contrib_box_nms", rows[0], overlap_thresh=0.3, id_index=0, force_suppress=True, in_format="center", out_format="corner")
    scores = np.exp(RNG.normal(0, 2, (2, 4, 30)))
    scores = (scores / scores.sum(1, keepdims=True)).astype("float32")
    for extra in ({}, {"force_suppress": True, "clip": False}, {"nms_topk": 12, "threshold": 0.3}):
        yield sample("_contrib_MultiBoxDetection", scores, (2, 120), corners(1, 30), nms_threshold=0.3, **extra)


def regions():
    """Region proposals, and convolutions that look beside their windows."""
    info = np.array([[60, 70, 1], [64, 50, 1.5]], "float32")
    for extra in ({}, {"iou_loss": True, "output_score": True}, {"rpn_pre_nms_top_n": 20, "rpn_post_nms_top_n": 30}):
        settings = {"scales": (1, 2), "ratios": (0.5, 1, 2), "feature_stride": 16, "rpn_post_nms_top_n": 12, "rpn_min_size": 8, "threshold": 0.6, **extra}
        yield sample("_contrib_MultiProposal", (2, 12, 4, 5), (2, 24, 4, 5), info, low=-0.6, high=0.6, **settings)
    yield sample("_contrib_Proposal", (1, 12, 4, 5), (1, 24, 4, 5), info[:1], low=-0.6, high=0.6, **settings)
    shared = {"kernel": (3, 3), "num_filter": 4, "pad": (1, 1), "num_deformable_group": 2, "opset": 19}
    yield sample("_contrib_DeformableConvolution", (2, 4, 6, 5), (2, 36, 6, 5), (4, 4, 3, 3), (4,), **shared)
    yield sample("_contrib_ModulatedDeformableConvolution", (2, 4, 6, 5), (2, 36, 6, 5), (2, 18, 6, 5), (4, 4, 3, 3), (4,), **shared)


SAMPLES = [*pointwise(), *layers(), *shapes(), *choices(), *boxes(), *regions()]
