"""Running exported models in onnxruntime beside ours."""

import numpy as np
import onnx
import onnxruntime

import mixnet as mx

onnxruntime.set_default_logger_severity(4)


def run_ours(symbol, values):
    """The symbol's outputs in prediction for arrays by name; labels are left to inference."""
    exe = symbol.simple_bind(
        mx.cpu(),
        grad_req="null",
        type_dict={k: v.dtype for k, v in values.items() if k in symbol.list_arguments()},
        **{k: v.shape for k, v in values.items() if k in symbol.list_arguments()},
    )
    for name, value in values.items():
        (exe.arg_dict if name in exe.arg_dict else exe.aux_dict)[name][:] = mx.nd.array(value, dtype=value.dtype)
    return [out.asnumpy() for out in exe.forward(is_train=False)]


def run_theirs(path, values, check=True):
    """onnxruntime's outputs, after onnx has checked the model."""
    if check:
        onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return session.run(None, {name: values[name] for name in names})


def random_parameters(symbol, seed=3, **shapes):
    """Values for everything but the named inputs and labels, of a size that keeps activations near one."""
    rng = np.random.RandomState(seed)
    arg_shapes, _, aux_shapes = symbol.infer_shape(**shapes)
    result = {}
    for name, shape in zip(symbol.list_arguments() + symbol.list_auxiliary_states(), arg_shapes + aux_shapes):
        if name in shapes or name.endswith("_label") or name == "label":
            continue
        if name.endswith(("gamma", "_var")):
            result[name] = rng.uniform(0.5, 1.5, shape)
        else:
            result[name] = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:]) or 1), shape)
    return {name: value.astype("float32") for name, value in result.items()}


def compare(symbol, path, inputs, params=None, tolerance=1e-4, **settings):
    """Exports, runs both and compares all outputs; returns ours."""
    params = random_parameters(symbol, **{k: v.shape for k, v in inputs.items()}) if params is None else params
    arrays = {name: mx.nd.array(value, dtype=value.dtype) for name, value in params.items()}
    mx.onnx.export_model(symbol, arrays, {k: v.shape for k, v in inputs.items()}, {k: v.dtype for k, v in inputs.items()}, path, **settings)
    ours, theirs = run_ours(symbol, {**inputs, **params}), run_theirs(path, inputs)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one.shape == other.shape and one.dtype == other.dtype, (one.shape, other.shape, one.dtype, other.dtype)
        np.testing.assert_allclose(other, one, rtol=tolerance, atol=tolerance)
    return ours
