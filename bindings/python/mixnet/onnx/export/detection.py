"""Boxes: anchors, offsets from them, overlaps, non-maximum suppression.

ONNX's NonMaxSuppression lists the boxes that stay; here they become rows in the order of their scores, with rows of -1 for those that went.
Classes that do not suppress each other are moved apart before it. Boxes whose corners are exchanged overlap nothing in MXNet; ONNX puts
their corners in order first.
"""

import numpy as np

from ... import ndarray as nd
from .table import converts, refuse

# Every score of a box is above it.
LOWEST = np.finfo("float32").min


@converts("_contrib_MultiBoxPrior")
def prior(b, n):
    """Depends on the extents alone: computed here."""
    extents = n.in_shapes[0][2:]
    if not all(isinstance(e, int) for e in extents):
        refuse(n, "expected fixed spatial extents")
    settings = {key: n.ints(key, default) for key, default in (("sizes", (1,)), ("ratios", (1,)), ("steps", (-1, -1)), ("offsets", (0.5, 0.5)))}
    anchors = nd._contrib_MultiBoxPrior(nd.zeros((1, 1, *extents)), clip=n.flag("clip"), **settings)
    return b.node("Identity", [b.const(anchors.asnumpy(), n.out_types[0])])


def _corners(b, boxes, dtype):
    """Centre and size as corners."""
    centre, size = b.split(boxes, [2, 2], -1)
    half = b.binary("Mul", size, 0.5, dtype)
    return b.concat([b.node("Sub", [centre, half]), b.node("Add", [centre, half])], -1)


def _centres(b, boxes, dtype):
    """Corners as (centre, size)."""
    low, high = b.split(boxes, [2, 2], -1)
    return b.binary("Mul", b.node("Add", [low, high]), 0.5, dtype), b.node("Sub", [high, low])


def _decoded(b, offsets, centre, size, factors, clip, dtype):
    """Boxes as corners, from offsets to anchors."""
    moved, grown = b.split(b.binary("Mul", offsets, np.array(factors), dtype), [2, 2], -1)
    if clip:
        grown = b.node("Min", [grown, b.const(clip, dtype)])
    centre = b.node("Add", [b.node("Mul", [moved, size]), centre])
    half = b.binary("Mul", b.node("Mul", [b.node("Exp", [grown]), size]), 0.5, dtype)
    return b.concat([b.node("Sub", [centre, half]), b.node("Add", [centre, half])], -1)


@converts("_contrib_box_decode")
def decode(b, n):
    dtype = n.out_types[0]
    if n.get("format", "center") == "center":
        centre, size = b.split(n.inputs[1], [2, 2], -1)
    else:
        centre, size = _centres(b, n.inputs[1], dtype)
    clip = n.number("clip", -1)
    return _decoded(b, n.inputs[0], centre, size, [n.number(f"std{i}", 1) for i in range(4)], clip if clip > 0 else None, dtype)


@converts("_contrib_box_iou")
def iou(b, n):
    dtype = n.out_types[0]
    lhs, rhs = (b.node("Reshape", [v, b.const([-1, 4])]) for v in n.inputs)
    if n.get("format", "corner") == "center":
        lhs, rhs = _corners(b, lhs, dtype), _corners(b, rhs, dtype)
    (low, high), (low2, high2) = (b.split(b.unsqueeze(v, [axis]), [2, 2], -1) for v, axis in ((lhs, 1), (rhs, 0)))

    def area(lower, upper):
        return b.reduce("ReduceProd", b.node("Relu", [b.node("Sub", [upper, lower])]), [2], False)

    shared = area(b.node("Max", [low, low2]), b.node("Min", [high, high2]))
    union = b.node("Sub", [b.node("Add", [area(low, high), area(low2, high2)]), shared])
    covered = b.binary("Greater", union, 0, dtype)
    ratio = b.node("Div", [shared, b.node("Where", [covered, union, b.const(1, dtype)])])
    return b.reshape(b.node("Where", [covered, ratio, b.const(0, dtype)]), n.out_shapes[0])


def kept_boxes(b, boxes, scores, classes, overlap, dtype, most=None):
    """True where a box stays: boxes (B, N, 4) as corners, scores (B, N), classes (B, N, 1) or None where all suppress each other.

    A score of -inf is no box. most: how many stay per image; None for all.
    """
    if classes is not None:
        high, low = b.reduce("ReduceMax", boxes, [1, 2], True), b.reduce("ReduceMin", boxes, [1, 2], True)
        apart = b.binary("Add", b.node("Sub", [high, low]), 1, dtype)
        boxes = b.node("Add", [boxes, b.node("Mul", [classes, apart])])
    count = b.gather(b.node("Shape", [scores]), [1], 0) if most is None else b.const([most])
    limits = [b.const([overlap], "float32"), b.const([LOWEST], "float32")]
    chosen = b.node("NonMaxSuppression", [boxes, b.unsqueeze(scores, [1]), count, *limits])
    places = b.gather(chosen, [0, 2], 1)
    ones = b.node("Expand", [b.const(1.0, dtype), b.slice(b.node("Shape", [places]), [0], [1], [0])])
    zeros = b.node("Expand", [b.const(0.0, dtype), b.node("Shape", [scores])])
    return b.binary("Greater", b.node("ScatterND", [zeros, places, ones]), 0.5, dtype)


def sorted_by(b, keys, *values):
    """(keys, values) with the largest key first along axis 1; values are (B, N, ...)."""
    count = b.reshape(b.gather(b.node("Shape", [keys]), 1, 0), (1,))
    keys, order = b.node("TopK", [keys, count], outputs=2, axis=1, largest=1, sorted=1)
    order = b.unsqueeze(order, [2])
    return [keys, *(b.node("GatherND", [value, order], batch_dims=1) for value in values)]


def _best(b, n, keys, count, dtype):
    """Keys (B, N), sorted, where all after the first `count` are -inf."""
    if count <= 0:
        return keys
    extent = n.out_shapes[0][-2]
    if not isinstance(extent, int):
        refuse(n, "expected a fixed number of boxes")
    return b.node("Where", [b.const(np.arange(extent) < count, "bool"), keys, b.const(-np.inf, dtype)])


@converts("_contrib_box_nms")
def box_nms(b, n):
    dtype, extents = n.out_types[0], n.in_shapes[0]
    count, width = extents[-2:]
    if not isinstance(count, int) or n.get("topk", -1) == 0:
        refuse(n, "expected a fixed number of boxes and topk other than 0")
    rows = b.node("Reshape", [n.inputs[0], b.const([-1, count, width])])
    first, which = n.get("coord_start", 2), n.get("id_index", -1)
    lowest = b.const(-np.inf, dtype)
    valid = n.number("valid_thresh", 0)
    scores = b.gather(rows, n.get("score_index", 1), 2)
    usable = b.binary("Greater", scores, valid, dtype)
    if which >= 0 and n.get("background_id", -1) >= 0:
        usable = b.node("And", [usable, b.node("Not", [b.binary("Equal", b.gather(rows, which, 2), n.get("background_id"), dtype)])])
    keys, rows = sorted_by(b, b.node("Where", [usable, scores, lowest]), rows)
    keys = _best(b, n, keys, n.get("topk", -1), dtype)
    boxes = b.slice(rows, [first], [first + 4], [2])
    flat = _corners(b, boxes, dtype) if n.get("in_format", "corner") == "center" else boxes
    classes = b.slice(rows, [which], [which + 1], [2]) if which >= 0 and not n.flag("force_suppress") else None
    kept = kept_boxes(b, flat, keys, classes, n.number("overlap_thresh", 0.5), dtype)
    if n.get("in_format", "corner") != n.get("out_format", "corner"):
        other = _corners(b, boxes, dtype) if n.get("out_format") == "corner" else b.concat(list(_centres(b, boxes, dtype)), -1)
        ends = [b.slice(rows, [0], [first], [2]), b.slice(rows, [first + 4], [width], [2])]
        rows = b.concat([ends[0], other, ends[1]], 2)
    keys, rows = sorted_by(b, b.node("Where", [kept, keys, lowest]), rows)
    there = b.unsqueeze(b.binary("Greater", keys, LOWEST, dtype), [2])
    return [b.reshape(b.node("Where", [there, rows, b.const(-1, dtype)]), n.out_shapes[0])]


@converts("_contrib_MultiBoxDetection")
def detection(b, n):
    dtype, threshold = n.out_types[0], n.number("nms_threshold", 0.5)
    if not 0 < threshold <= 1:
        refuse(n, f"nms_threshold: expected more than 0 and at most 1, got {threshold}")
    if n.in_shapes[0][1] == 1:
        refuse(n, "expected classes beside the background")
    objects = b.slice(n.inputs[0], [1], [np.iinfo(np.int64).max], [1])
    scores = b.reduce("ReduceMax", objects, [1], False)
    classes = b.unsqueeze(b.cast(b.node("ArgMax", [objects], axis=1, keepdims=0), dtype, "int64"), [2])
    offsets = b.node("Reshape", [n.inputs[1], b.const([0, -1, 4])])
    boxes = _decoded(b, offsets, *_centres(b, n.inputs[2], dtype), n.ints("variances", (0.1, 0.1, 0.2, 0.2)), None, dtype)
    if n.attrs.get("clip", "True") in ("True", "1"):
        boxes = b.node("Clip", [boxes, b.const(0, dtype), b.const(1, dtype)])
    lowest = b.const(-np.inf, dtype)
    usable = b.node("Not", [b.binary("Less", scores, n.number("threshold", 0.01), dtype)])
    found = b.node("Where", [usable, scores, lowest])
    keys, best_classes, best_boxes = sorted_by(b, found, classes, boxes)
    best = _best(b, n, keys, n.get("nms_topk", -1), dtype)
    # Here a box also goes when the overlap is the threshold itself.
    overlap = float(np.nextafter(np.float32(threshold), np.float32(0)))
    kept = kept_boxes(b, best_boxes, best, None if n.flag("force_suppress") else best_classes, overlap, dtype)
    rows = _rows(b, b.node("Where", [b.unsqueeze(kept, [2]), best_classes, b.const(-1, dtype)]), keys, best_boxes, dtype)
    if n.get("nms_topk", -1) <= 0:
        return [rows]
    # What comes after the best keeps its first order, as boxes of no class.
    count = n.in_shapes[0][2]
    places = b.node("Where", [usable, b.const(-np.arange(count), dtype), lowest])
    _, found, boxes = sorted_by(b, places, b.unsqueeze(found, [2]), boxes)
    found = b.squeeze(found, [2])
    rest = _rows(b, b.node("Expand", [b.const(-1, dtype), b.node("Shape", [b.unsqueeze(found, [2])])]), found, boxes, dtype)
    return [b.node("Where", [b.const((np.arange(count) < n.get("nms_topk"))[:, None], "bool"), rows, rest])]


def _rows(b, classes, keys, boxes, dtype):
    """(class, score, corners); -1 everywhere where the score is -inf."""
    rows = b.concat([classes, b.unsqueeze(keys, [2]), boxes], 2)
    there = b.unsqueeze(b.binary("Greater", keys, LOWEST, dtype), [2])
    return b.node("Where", [there, rows, b.const(-1, dtype)])
