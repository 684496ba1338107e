"""Random single nodes with random attributes, shapes and opsets: what onnxruntime accepts gives the same outputs here."""

import random

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from mixnet.onnx import backend

onnxruntime.set_default_logger_severity(4)
COUNT = 150


def real(draw, *shape):
    return np.random.RandomState(draw.randrange(10**6)).randn(*shape).astype("float32")


def windows(draw, attributes, rank):
    """Strides, dilations and padding of a window operator."""
    attributes["strides"] = [draw.randint(1, 3) for _ in range(rank)]
    if draw.random() < 0.5:
        attributes["pads"] = [draw.randint(0, 1) for _ in range(2 * rank)]
    elif draw.random() < 0.4:
        attributes["auto_pad"] = draw.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    return attributes


def pool(op):
    def make(draw):
        rank = draw.randint(1, 3)
        attributes = windows(draw, {"kernel_shape": [draw.randint(2, 3) for _ in range(rank)]}, rank)
        attributes["ceil_mode"] = draw.randint(0, 1) if "auto_pad" not in attributes else 0
        if op == "AveragePool":
            attributes["count_include_pad"] = draw.randint(0, 1)
        elif op == "MaxPool" and draw.random() < 0.4 and "auto_pad" not in attributes:
            attributes["dilations"] = [draw.randint(1, 2) for _ in range(rank)]
        return op, [real(draw, 2, 3, *[draw.randint(6, 9) for _ in range(rank)])], attributes, 18 if op == "LpPool" else draw.choice([11, 12, 17])

    return make


def conv(draw):
    rank, group = draw.randint(1, 3), draw.choice([1, 1, 2])
    attributes = windows(draw, {"group": group}, rank)
    if "auto_pad" not in attributes:
        attributes["dilations"] = [draw.randint(1, 2) for _ in range(rank)]
    kernel = [draw.randint(1, 3) for _ in range(rank)]
    x, w = real(draw, 2, 4, *[draw.randint(6, 9) for _ in range(rank)]), real(draw, 6, 4 // group, *kernel)
    return "Conv", [x, w] + ([real(draw, 6)] if draw.random() < 0.5 else []), attributes, draw.choice([7, 11, 17])


def conv_transpose(draw):
    rank, group = draw.randint(1, 2), draw.choice([1, 2])
    strides = [draw.randint(1, 3) for _ in range(rank)]
    attributes = {"group": group, "strides": strides, "pads": [draw.randint(0, 1) for _ in range(2 * rank)]}
    if draw.random() < 0.4:
        attributes["output_padding"] = [draw.randint(0, s - 1) for s in strides]
    x, w = real(draw, 2, 4, *[draw.randint(3, 6) for _ in range(rank)]), real(draw, 4, 3, *[draw.randint(2, 4) for _ in range(rank)])
    return "ConvTranspose", [x, w] + ([real(draw, 3 * group)] if draw.random() < 0.5 else []), attributes, 11


def resize(draw):
    mode = draw.choice(["nearest", "linear", "cubic"])
    way = draw.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
    attributes = {"mode": mode, "coordinate_transformation_mode": way}
    if mode == "nearest":
        attributes["nearest_mode"] = draw.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic":
        attributes |= {"cubic_coeff_a": draw.choice([-0.5, -0.75]), "exclude_outside": draw.randint(0, 1)}
    x, empty = real(draw, 1, 2, draw.randint(3, 7), draw.randint(3, 7)), np.zeros(0, "float32")
    # With scales onnx's own data divide by length * scale, onnxruntime by the rounded length.
    if draw.random() < 0.5 and way != "align_corners":
        return "Resize", [x, empty, np.asarray([1, 1, draw.choice([0.5, 1.5, 2, 3]), draw.choice([0.75, 1, 2.5])], "float32")], attributes, 13
    return "Resize", [x, empty, empty, np.asarray([1, 2, draw.randint(2, 9), draw.randint(2, 9)])], attributes, 13


def slice_(draw):
    x = real(draw, 5, 6, 7)
    axes = draw.sample(range(-3, 0), draw.randint(1, 3))
    starts, ends = ([draw.choice([-9, -3, -1, 0, 1, 4, 2**31 - 1, -(2**31)]) for _ in axes] for _ in range(2))
    # To onnxruntime the largest end means "to the front" in a backward step; it clamps to the last element in the specification.
    steps = [draw.choice([-2, -1, 1, 2, 3] if end < 9 else [1, 2]) for end in ends]
    return "Slice", [x, *(np.asarray(v, "int64") for v in (starts, ends, axes, steps))], {}, 13


def reduction(draw):
    op = draw.choice(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare"])
    axes, opset = draw.sample(range(-3, 0), draw.randint(1, 3)), draw.choice([11, 18])
    attributes = {"keepdims": draw.randint(0, 1)}
    if opset == 18:
        return op, [real(draw, 3, 4, 2), np.asarray(axes, "int64")], attributes, opset
    return op, [real(draw, 3, 4, 2)], attributes | {"axes": axes}, opset


def arithmetic(draw):
    op = draw.choice(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mod", "PRelu", "Greater", "LessOrEqual"])
    kind = draw.choice(["float32", "float32", "float64", "int32", "int64"]) if op not in ("PRelu", "Pow") else "float32"
    shape = [draw.randint(1, 4) for _ in range(3)]
    other = [draw.choice([1, e]) for e in shape][draw.randrange(3) :]
    left, right = (np.abs(real(draw, *s)) * 9 + 1 if op == "Pow" else real(draw, *s) * 9 for s in (shape, other))
    if op == "Pow":
        right = right / 9
    if kind.startswith("int") and op in ("Div", "Mod"):
        right = np.where(np.abs(right) < 1, 1, right)
    return op, [left.astype(kind), right.astype(kind)], {"fmod": 1} if op == "Mod" and kind.startswith("f") else {}, 17


def recurrent(draw):
    op = draw.choice(["RNN", "GRU", "LSTM"])
    gates, hidden, way = {"RNN": 1, "GRU": 3, "LSTM": 4}[op], draw.randint(1, 4), draw.choice(["forward", "reverse", "bidirectional"])
    directions, steps, batch = 2 if way == "bidirectional" else 1, draw.randint(1, 5), draw.randint(1, 3)
    inputs = [real(draw, steps, batch, 3), real(draw, directions, gates * hidden, 3), real(draw, directions, gates * hidden, hidden)]
    inputs.append(real(draw, directions, 2 * gates * hidden) if draw.random() < 0.7 else None)
    inputs.append(np.asarray([draw.randint(1, steps) for _ in range(batch)], "int32") if draw.random() < 0.3 else None)
    inputs.append(real(draw, directions, batch, hidden) if draw.random() < 0.5 else None)
    attributes = {"hidden_size": hidden, "direction": way} | ({"linear_before_reset": draw.randint(0, 1)} if op == "GRU" else {})
    return op, inputs, attributes, 14


def movement(draw):
    op = draw.choice(["Gather", "GatherElements", "Pad", "Tile", "TopK", "CumSum", "OneHot", "Trilu", "Expand"])
    x, axis = real(draw, 4, 3, 5), draw.randint(-3, 2)
    inputs, attributes, opset = {
        "Gather": lambda: ([x, np.asarray([[0, -1], [2, 1]])], {"axis": axis}, 13),
        "GatherElements": lambda: ([x, np.asarray(np.random.RandomState(1).randint(-3, 3, (4, 3, 5)))], {"axis": axis}, 13),
        "Pad": lambda: ([x, np.asarray([draw.randint(-1, 2) for _ in range(6)])], {"mode": draw.choice(["constant", "reflect", "edge"])}, 13),
        "Tile": lambda: ([x, np.asarray([draw.randint(1, 3) for _ in range(3)])], {}, 13),
        "TopK": lambda: ([x, np.asarray([draw.randint(1, 3)])], {"axis": axis, "largest": draw.randint(0, 1)}, 11),
        "CumSum": lambda: ([x, np.asarray(axis)], {"exclusive": draw.randint(0, 1), "reverse": draw.randint(0, 1)}, 14),
        "OneHot": lambda: ([np.asarray([0, 2, -1, 7]), np.asarray(4), np.asarray([2, 5], "float32")], {"axis": draw.randint(-2, 1)}, 11),
        "Trilu": lambda: ([x, np.asarray(draw.randint(-3, 3))], {"upper": draw.randint(0, 1)}, 14),
        "Expand": lambda: ([x[:, :1], np.asarray([2, 1, 3, 1])], {}, 13),
    }[op]()
    return op, inputs, attributes, opset


MAKERS = {
    "max_pool": pool("MaxPool"), "average_pool": pool("AveragePool"), "lp_pool": pool("LpPool"), "conv": conv, "conv_transpose": conv_transpose,
    "resize": resize, "slice": slice_, "reduction": reduction, "arithmetic": arithmetic, "recurrent": recurrent, "movement": movement,
}  # fmt: skip


def as_model(op, inputs, attributes, opset):
    names = [f"i{k}" if value is not None else "" for k, value in enumerate(inputs)]
    infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in zip(names, inputs) if n]
    outputs = ["y", "places"] if op == "TopK" else ["y", "last"] if op in ("RNN", "GRU", "LSTM") else ["y"]
    node = helper.make_node(op, names, outputs, **attributes)
    graph = helper.make_graph([node], op, infos, [helper.make_empty_tensor_value_info(name) for name in outputs])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize("kind", MAKERS)
def test_random_nodes(kind):
    draw, compared = random.Random(kind), 0
    for _ in range(COUNT):
        op, inputs, attributes, opset = MAKERS[kind](draw)
        model = as_model(op, inputs, attributes, opset)
        feeds = {f"i{k}": value for k, value in enumerate(inputs) if value is not None}
        try:
            expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)
        except Exception:
            continue
        case = f"{op} {[None if v is None else v.shape for v in inputs]} {attributes} opset {opset}"
        for eager in (False, True):
            outputs = backend.prepare(model, eager=eager).run(feeds)
            for one, other in zip(outputs, expected):
                assert one.shape == other.shape and one.dtype == other.dtype, case
                np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4, err_msg=case)
        compared += 1
    assert compared > COUNT // 3, compared
