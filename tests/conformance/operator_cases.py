"""The calls whose results stand in operators.txt: one operator, its parameters as text, its inputs."""

import numpy as np

random = np.random.RandomState(7)
cases = []


def floats(*shape, low=-1.0, high=1.0, dtype="float32"):
    return random.uniform(low, high, shape).astype(dtype)


def whole(*shape, high=4, dtype="float32"):
    return random.randint(0, high, shape).astype(dtype)


def case(name, op, parameters=None, inputs=None, train=0, grads=(), loss=False, tolerance=(1e-4, 1e-5)):
    """grads: inputs whose gradient is compared; `loss`: the operator needs no gradient of its output."""
    inputs = inputs if isinstance(inputs, dict) else {str(i): value for i, value in enumerate(inputs)}
    assert name not in [other["name"] for other in cases], name
    parameters = {key: str(value).replace(" ", "") for key, value in (parameters or {}).items()}
    cases.append(
        {
            "name": name,
            "op": op,
            "parameters": parameters,
            "inputs": inputs,
            "train": int(train or bool(grads)),
            "grads": tuple(grads),
            "loss": loss,
            "tolerance": tolerance,
        }
    )


def unary(op, low=-1.0, high=1.0, grad=True):
    case(op, op, {}, {"data": floats(3, 5, low=low, high=high)}, grads=["data"] if grad else [])


def elementwise():
    for op in ("sigmoid", "exp", "sin", "arctan", "cbrt", "erf", "relu", "softsign", "expm1", "square"):
        unary(op)
    for op, low, high in (("log", 0.2, 3), ("sqrt", 0.2, 3), ("rsqrt", 0.2, 3), ("gammaln", 0.5, 4), ("arccosh", 1.2, 3)):
        unary(op, low, high)
    for op in ("floor", "round", "sign", "fix"):
        unary(op, -3, 3, grad=False)
    case("clip", "clip", {"a_min": -0.5, "a_max": 0.25}, {"data": floats(4, 4)}, grads=["data"])
    case("scalar_power", "_power_scalar", {"scalar": 2.5}, {"data": floats(2, 3, low=0.3, high=2)}, grads=["data"])
    case("scalar_rdiv", "_rdiv_scalar", {"scalar": 3}, {"data": floats(2, 3, low=0.3, high=2)}, grads=["data"])
    case("smooth_l1", "smooth_l1", {"scalar": 2}, {"data": floats(3, 4)}, grads=["data"])
    case("leaky_elu", "LeakyReLU", {"act_type": "elu", "slope": 0.3}, {"data": floats(3, 4)}, grads=["data"])
    case("cast_to_int", "Cast", {"dtype": "int32"}, {"data": floats(3, 4, low=-5, high=5)})
    case("cast_to_half", "Cast", {"dtype": "float16"}, {"data": floats(3, 4)})
    case("add_doubles", "elemwise_add", {}, {"lhs": floats(3, 2, dtype="float64"), "rhs": floats(3, 2, dtype="float64")}, grads=["lhs", "rhs"])
    case("add_whole", "broadcast_add", {}, {"lhs": whole(2, 3, dtype="int64"), "rhs": whole(1, 3, dtype="int64")})
    case("add_n", "add_n", {}, [floats(2, 3), floats(2, 3), floats(2, 3)], grads=["0", "2"])


def broadcasting():
    for op in ("broadcast_add", "broadcast_sub", "broadcast_mul", "broadcast_div", "broadcast_maximum", "broadcast_hypot"):
        case(op, op, {}, {"lhs": floats(2, 3, 4, low=0.5, high=2), "rhs": floats(1, 3, 1, low=0.5, high=2)}, grads=["lhs", "rhs"])
    case("broadcast_greater", "broadcast_greater", {}, {"lhs": floats(4, 1), "rhs": floats(1, 3)})
    case("broadcast_to", "broadcast_to", {"shape": (2, 3, 4)}, {"data": floats(1, 3, 1)}, grads=["data"])


def reductions():
    case("sum_all", "sum", {}, {"data": floats(2, 3, 4)}, grads=["data"])
    case("sum_axes", "sum", {"axis": (0, 2), "keepdims": True}, {"data": floats(2, 3, 4)}, grads=["data"])
    case("mean_excluding", "mean", {"axis": (1,), "exclude": True}, {"data": floats(2, 3, 4)}, grads=["data"])
    case("max_axis", "max", {"axis": 1}, {"data": floats(3, 4)}, grads=["data"])
    case("prod_axis", "prod", {"axis": 0}, {"data": floats(3, 4, low=0.5, high=2)}, grads=["data"])
    case("norm_rows", "norm", {"ord": 2, "axis": 1}, {"data": floats(3, 4)}, grads=["data"])
    case("argmax", "argmax", {"axis": 1}, {"data": floats(3, 5)})
    case("moments", "moments", {"axes": (0,)}, {"data": floats(5, 3)})
    case("topk_both", "topk", {"k": 2, "ret_typ": "both", "axis": -1}, {"data": floats(3, 6)})
    case("sort_down", "sort", {"is_ascend": False}, {"data": floats(3, 6)})
    case("argsort_whole", "argsort", {"dtype": "int32"}, {"data": floats(3, 6)})


def shapes():
    case("reshape_codes", "Reshape", {"shape": (0, -3, -2)}, {"data": floats(2, 3, 4, 5)}, grads=["data"])
    case("transpose", "transpose", {"axes": (2, 0, 1)}, {"data": floats(2, 3, 4)}, grads=["data"])
    case("swapaxes", "SwapAxis", {"dim1": 0, "dim2": 2}, {"data": floats(2, 3, 4)}, grads=["data"])
    case("expand_dims", "expand_dims", {"axis": 1}, {"data": floats(2, 3)}, grads=["data"])
    case("flatten", "Flatten", {}, {"data": floats(2, 3, 4)}, grads=["data"])
    case("concat", "Concat", {"dim": 1}, [floats(2, 1, 3), floats(2, 2, 3), floats(2, 3, 3)], grads=["0", "1", "2"])
    case("stack", "stack", {"axis": 1}, [floats(2, 3), floats(2, 3)], grads=["0", "1"])
    case("slice_channel", "SliceChannel", {"num_outputs": 3, "axis": 1, "squeeze_axis": True}, {"data": floats(2, 3, 4)}, grads=["data"])
    case("slice_steps", "slice", {"begin": "(None,2)", "end": "(3,None)", "step": "(2,-1)"}, {"data": floats(4, 5)}, grads=["data"])
    case("slice_axis_open", "slice_axis", {"axis": 1, "begin": 2, "end": "None"}, {"data": floats(3, 5)}, grads=["data"])
    case("tile", "tile", {"reps": (2, 1, 2)}, {"data": floats(2, 3)}, grads=["data"])
    case("repeat", "repeat", {"repeats": 2, "axis": 1}, {"data": floats(2, 3)}, grads=["data"])
    case("reverse", "reverse", {"axis": (1,)}, {"data": floats(2, 3)}, grads=["data"])
    case("pad_reflect", "Pad", {"mode": "reflect", "pad_width": (0, 0, 0, 0, 1, 1, 2, 2)}, {"data": floats(1, 2, 4, 4)}, grads=["data"])
    case("shape_array", "shape_array", {}, {"data": floats(2, 3, 4)})


def indexing():
    case("take_rows", "take", {"axis": 0, "mode": "wrap"}, {"a": floats(4, 3), "indices": whole(2, 3, high=9)}, grads=["a"])
    case("embedding", "Embedding", {"input_dim": 6, "output_dim": 3}, {"data": whole(2, 4, high=6), "weight": floats(6, 3)}, grads=["weight"])
    case("pick", "pick", {"axis": 1, "keepdims": True}, {"data": floats(4, 3), "index": whole(4, high=3)}, grads=["data"])
    case("one_hot", "one_hot", {"depth": 5, "on_value": 2, "off_value": -1, "dtype": "float64"}, {"indices": whole(4, high=5)})
    case("where", "where", {}, {"condition": whole(3, 4, high=2), "x": floats(3, 4), "y": floats(3, 4)}, grads=["x", "y"])
    case("gather_nd", "gather_nd", {}, {"data": floats(3, 4, 2), "indices": whole(2, 5, high=3)}, grads=["data"])
    case("sequence_mask", "SequenceMask", {"use_sequence_length": True, "value": -1}, {"data": floats(4, 2, 3), "sequence_length": np.array([2, 4], "float32")})
    case("ravel", "_ravel_multi_index", {"shape": (3, 4)}, {"data": np.array([[0, 1, 2], [3, 2, 1]], "float32")})


def layers():
    data, weight, bias = floats(2, 3, 7, 6), floats(4, 3, 3, 3), floats(4)
    parameters = {"kernel": (3, 3), "num_filter": 4, "stride": (2, 1), "pad": (1, 1)}
    case("convolution", "Convolution", parameters, {"data": data, "weight": weight, "bias": bias}, grads=["data", "weight", "bias"])
    parameters = {"kernel": (3, 3), "num_filter": 4, "num_group": 2, "dilate": (2, 2), "no_bias": True}
    case("convolution_groups", "Convolution", parameters, {"data": floats(1, 4, 8, 8), "weight": floats(4, 2, 3, 3)}, grads=["data", "weight"])
    case("convolution_1d", "Convolution", {"kernel": "(3,)", "num_filter": 2, "no_bias": True}, {"data": floats(2, 3, 8), "weight": floats(2, 3, 3)})
    parameters = {"kernel": (2, 2), "num_filter": 3, "stride": (2, 2), "no_bias": True}
    case("deconvolution", "Deconvolution", parameters, {"data": floats(1, 2, 4, 4), "weight": floats(2, 3, 2, 2)}, grads=["data", "weight"])
    case("pooling_max", "Pooling", {"kernel": (3, 3), "stride": (2, 2), "pool_type": "max"}, {"data": floats(2, 2, 7, 7)}, grads=["data"])
    parameters = {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1), "pool_type": "avg", "count_include_pad": False}
    case("pooling_average", "Pooling", parameters, {"data": floats(2, 2, 7, 7)}, grads=["data"])
    case("pooling_whole", "Pooling", {"kernel": (1, 1), "global_pool": True, "pool_type": "avg"}, {"data": floats(2, 3, 5, 5)}, grads=["data"])
    statistics = {"gamma": floats(3, low=0.5, high=2), "beta": floats(3), "moving_mean": floats(3), "moving_var": floats(3, low=0.5, high=2)}
    case("batch_norm_predict", "BatchNorm", {"fix_gamma": False}, {"data": floats(4, 3, 2, 2), **statistics})
    inputs = {"data": floats(4, 3, 2, 2), **statistics}
    case("batch_norm_train", "BatchNorm", {"fix_gamma": False, "eps": 0.01}, inputs, grads=["data", "gamma", "beta"], tolerance=(1e-3, 1e-4))
    inputs = {"data": floats(3, 4), "gamma": floats(4), "beta": floats(4)}
    case("layer_norm", "LayerNorm", {"axis": -1, "eps": 0.001}, inputs, grads=["data", "gamma", "beta"], tolerance=(1e-3, 1e-4))
    inputs = {"data": floats(3, 2, 2), "weight": floats(5, 4), "bias": floats(5)}
    case("fully_connected", "FullyConnected", {"num_hidden": 5}, inputs, grads=["data", "weight", "bias"])
    parameters = {"num_hidden": 5, "flatten": False, "no_bias": True}
    case("fully_connected_rows", "FullyConnected", parameters, {"data": floats(3, 2, 4), "weight": floats(5, 4)}, grads=["data", "weight"])
    case("activation", "Activation", {"act_type": "softrelu"}, {"data": floats(3, 4)}, grads=["data"])
    case("softmax", "softmax", {"axis": 1, "temperature": 0.5}, {"data": floats(3, 4)}, grads=["data"])
    case("dropout_predict", "Dropout", {"p": 0.5}, {"data": floats(3, 4)})
    case("lrn", "LRN", {"nsize": 3, "alpha": 0.01, "beta": 0.6}, {"data": floats(1, 5, 3, 3)}, grads=["data"])
    inputs = {"data": floats(3, 2, 4), "parameters": floats(4 * 3 * (4 + 3) + 2 * 4 * 3), "state": floats(1, 2, 3), "state_cell": floats(1, 2, 3)}
    parameters = {"state_size": 3, "num_layers": 1, "mode": "lstm", "state_outputs": True}
    case("rnn_lstm", "RNN", parameters, inputs, grads=["data", "parameters"], tolerance=(1e-3, 1e-4))
    inputs = {"data": floats(3, 2, 4), "parameters": floats(2 * (3 * 3 * (4 + 3) + 2 * 3 * 3)), "state": floats(2, 2, 3)}
    case("rnn_gru_both_ways", "RNN", {"state_size": 3, "num_layers": 1, "mode": "gru", "bidirectional": True}, inputs)
    case("upsampling", "UpSampling", {"scale": 2, "sample_type": "nearest"}, [floats(1, 2, 3, 3)])


def losses():
    label = np.array([1, 0, 2, 1], "float32")
    case("softmax_output", "SoftmaxOutput", {}, {"data": floats(4, 3), "label": label}, grads=["data"], loss=True)
    parameters = {"use_ignore": True, "ignore_label": 2, "normalization": "valid", "grad_scale": 3}
    case("softmax_output_ignoring", "SoftmaxOutput", parameters, {"data": floats(4, 3), "label": label}, grads=["data"], loss=True)
    case("linear_regression", "LinearRegressionOutput", {}, {"data": floats(4, 2), "label": floats(4, 2)}, grads=["data"], loss=True)
    case("logistic_regression", "LogisticRegressionOutput", {}, {"data": floats(4, 2), "label": whole(4, 2, high=2)}, grads=["data"], loss=True)
    case("make_loss", "MakeLoss", {"grad_scale": 0.5}, {"data": floats(3, 2)}, grads=["data"], loss=True)
    case("softmax_cross_entropy", "softmax_cross_entropy", {}, {"data": floats(4, 3), "label": label}, grads=["data"])


def matrices():
    case("dot", "dot", {"transpose_b": True}, {"lhs": floats(3, 4), "rhs": floats(2, 4)}, grads=["lhs", "rhs"])
    case("batch_dot", "batch_dot", {"transpose_a": True}, {"lhs": floats(2, 4, 3), "rhs": floats(2, 4, 5)}, grads=["lhs", "rhs"])
    case("gemm", "_linalg_gemm2", {"alpha": 2, "transpose_a": True}, {"A": floats(2, 4, 3), "B": floats(2, 4, 5)}, grads=["A", "B"])
    square = floats(4, 4, dtype="float64")
    definite = (square @ square.T + 4 * np.eye(4)).astype("float64")
    case("cholesky", "_linalg_potrf", {}, {"A": definite})
    case("inverse", "_linalg_inverse", {}, {"A": definite}, grads=["A"])
    case("determinant", "_linalg_det", {}, {"A": definite})
    case("triangular_solve", "_linalg_trsm", {"alpha": 0.5}, {"A": np.tril(definite), "B": floats(4, 2, dtype="float64")})


def optimizers():
    weight, grad = floats(3, 4), floats(3, 4)
    zero, first, second = np.zeros((3, 4), "float32"), floats(3, 4), floats(3, 4, low=0.1)
    common = {"lr": 0.1, "wd": 0.01, "rescale_grad": 0.5, "clip_gradient": 0.3}
    case("sgd", "sgd_update", common, {"weight": weight, "grad": grad})
    case("sgd_momentum", "sgd_mom_update", {"momentum": 0.9, **common}, {"weight": weight, "grad": grad, "mom": first})
    case("nag", "nag_mom_update", {"momentum": 0.9, **common}, {"weight": weight, "grad": grad, "mom": first})
    case("adam", "adam_update", {"beta1": 0.8, "epsilon": 1e-6, **common}, {"weight": weight, "grad": grad, "mean": first, "var": second})
    case("rmsprop", "rmsprop_update", {"gamma1": 0.9, **common}, {"weight": weight, "grad": grad, "n": second})
    case("ftrl", "ftrl_update", {"lamda1": 0.02, "beta": 1.5, **common}, {"weight": weight, "grad": grad, "z": first, "n": second})
    case("signum", "signum_update", {"momentum": 0.9, **common}, {"weight": weight, "grad": grad, "mom": zero})


def images():
    case("normalise_image", "_image_normalize", {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}, {"data": floats(3, 4, 4)})
    case("image_to_tensor", "_image_to_tensor", {}, {"data": whole(4, 3, 3, high=255, dtype="uint8")})


for family in (elementwise, broadcasting, reductions, shapes, indexing, layers, losses, matrices, optimizers, images):
    family()
