"""The Python binding replays all conformance data."""

import cases
import mixnet as mx
import numpy as np
import pytest
from mixnet.ndarray import gen_op as nd_ops
from mixnet.symbol import gen_op as sym_ops


def close(found, expected, words, what):
    relative, absolute = (float(v) for v in words["tolerance"][0])
    assert found.shape == expected.shape and np.dtype(found.dtype) == np.dtype(expected.dtype), what
    np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=relative, atol=absolute, err_msg=what)


def each(stem):
    """A decorator: one test per case; the test gets its words and the arrays of the file."""
    arrays = mx.nd.load(str(cases.HERE / f"{stem}.params"))
    return pytest.mark.parametrize("words, arrays", [pytest.param(words, arrays, id=name) for name, words in cases.read(stem)])


def call(module, words, inputs, **kwargs):
    """The operator on inputs by name, or by position where the names are numbers."""
    positional = [value for name, value in inputs.items() if name.isdigit()]
    named = {name: value for name, value in inputs.items() if not name.isdigit()}
    parameters = dict(words.get("set", []))
    return getattr(module, words["op"][0][0])(*positional, **named, **parameters, **kwargs)


@each("operators")
def test_operator_on_arrays(words, arrays):
    inputs = {name: arrays[key].copy() for name, key in words["in"]}
    with mx.autograd.train_mode() if words["train"] == [["1"]] else mx.autograd.predict_mode():
        outputs = call(nd_ops, words, inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    assert len(outputs) == len(words["out"])
    for i, key in words["out"]:
        close(outputs[int(i)], arrays[key], words, f"output {i}")


@each("operators")
def test_operator_as_symbol(words, arrays):
    symbol = call(sym_ops, words, {name: mx.sym.Variable(f"in{name}") for name, _ in words["in"]}, name="tested")
    values = {f"in{name}": arrays[key].copy() for name, key in words["in"]}
    wanted = {f"in{name}": arrays[key] for name, key in words.get("grad", [])}
    grads = {name: mx.nd.zeros(value.shape, dtype=value.dtype) for name, value in wanted.items()}
    args = {name: values[name] for name in symbol.list_arguments()}
    reqs = {name: "write" if name in grads else "null" for name in args}
    states = {name: values[name] for name in symbol.list_auxiliary_states()}
    executor = symbol.bind(mx.cpu(), args, args_grad=grads, grad_req=reqs, aux_states=states)
    outputs = executor.forward(is_train=words["train"] == [["1"]])
    for i, key in words["out"]:
        close(outputs[int(i)], arrays[key], words, f"output {i}")
    if wanted:
        executor.backward([arrays[key] for _, key in words.get("headgrad", [])] or None)
    for name, value in wanted.items():
        close(grads[name], value, words, f"gradient of {name}")


def checkpoint(words):
    """(symbol, values by name) of a case's files."""
    symbol = mx.sym.load(str(cases.HERE / words["symbol"][0][0]))
    values = mx.nd.load(str(cases.HERE / words["params"][0][0]))
    return symbol, {name.split(":")[1]: value for name, value in values.items()}


def bound(symbol, values, grad_req="null", **inputs):
    executor = symbol.simple_bind(mx.cpu(), grad_req=grad_req, **{name: value.shape for name, value in inputs.items()})
    for name, value in {**values, **inputs}.items():
        executor.arg_dict.get(name, executor.aux_dict.get(name))[:] = value
    return executor


@each("models")
def test_model_by_executor(words, arrays):
    inputs = {name: arrays[key] for name, key in words["input"]}
    outputs = bound(*checkpoint(words), **inputs).forward(is_train=False)
    for i, key in words["output"]:
        close(outputs[int(i)], arrays[key], words, f"output {i}")


@each("models")
def test_model_by_predictor(words, arrays):
    json = (cases.HERE / words["symbol"][0][0]).read_text()
    params = (cases.HERE / words["params"][0][0]).read_bytes()
    inputs = {name: arrays[key] for name, key in words["input"]}
    predictor = mx.predictor.Predictor(json, params, {name: value.shape for name, value in inputs.items()})
    outputs = predictor.forward(**{name: value.asnumpy() for name, value in inputs.items()})
    for i, key in words["output"]:
        relative, absolute = (float(v) for v in words["tolerance"][0])
        np.testing.assert_allclose(np.asarray(outputs[int(i)]), arrays[key].asnumpy(), rtol=relative, atol=absolute)


@each("training")
def test_training(words, arrays):
    symbol, values = checkpoint(words)
    data, label, batch = arrays[words["data"][0][0]], arrays[words["label"][0][0]], int(words["batch"][0][0])
    executor = bound(symbol, values, "write", data=data[:batch], softmax_label=label[:batch])
    names = [name for name in symbol.list_arguments() if name in values]
    options = {key: float(value) for key, value in words["option"]}
    optimizer = mx.optimizer.create(words["optimizer"][0][0], param_idx2name=dict(enumerate(names)), **options)
    updater = mx.optimizer.get_updater(optimizer)
    relative, absolute = (float(v) for v in words["tolerance"][0])
    for step, loss in words["step"]:
        first = (int(step) - 1) * batch % data.shape[0]
        rows = slice(first, first + batch)
        output = executor.forward(is_train=True, data=data[rows], softmax_label=label[rows])[0]
        executor.backward()
        for i, name in enumerate(names):
            updater(i, executor.grad_dict[name], executor.arg_dict[name])
        chosen = mx.nd.pick(output, label[rows]).asnumpy().astype("float64")
        assert -np.log(chosen).mean() == pytest.approx(float(loss), rel=relative, abs=absolute), f"step {step}"
    for name, key in words["final"]:
        close(executor.arg_dict.get(name, executor.aux_dict.get(name)), arrays[key], words, name)


@each("seeds")
def test_random_numbers(words, arrays):
    mx.random.seed(int(words["seed"][0][0]))
    close(call(nd_ops, words, {}), arrays[words["out"][0][1]], words, "draw")
