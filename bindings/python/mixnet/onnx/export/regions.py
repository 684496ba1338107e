"""Region proposals of Faster R-CNN. Coordinates are pixels: a box from 0 to 0 covers one, hence the ones that are added."""

import math

import numpy as np

from .detection import kept_boxes, sorted_by
from .table import converts, refuse


def _anchors(n, height, width):
    """(height * width * anchors, 4) corners; extents are rounded before they are scaled."""
    side = n.get("feature_stride", 16)
    base = []
    for ratio in n.ints("ratios", (0.5, 1, 2)):
        w = math.floor(math.sqrt(math.floor(side * side / ratio)) + 0.5)
        h = math.floor(w * ratio + 0.5)
        for scale in n.ints("scales", (4, 8, 16, 32)):
            x, y, centre = 0.5 * (w * scale - 1), 0.5 * (h * scale - 1), 0.5 * (side - 1)
            base.append((centre - x, centre - y, centre + x, centre + y))
    at_y, at_x = np.meshgrid(np.arange(height) * side, np.arange(width) * side, indexing="ij")
    shift = np.stack([at_x, at_y, at_x, at_y], -1).reshape(-1, 1, 4)
    return (shift + np.array(base)).reshape(-1, 4)


def _moved(b, n, deltas, anchors, dtype):
    """Anchors (count, 4) moved by (N, count, 4)."""
    if n.flag("iou_loss"):
        return b.node("Add", [deltas, b.const(anchors, dtype)])
    size = anchors[:, 2:] - anchors[:, :2] + 1
    centre = anchors[:, :2] + 0.5 * (size - 1)
    shift, grow = b.split(deltas, [2, 2], 2)
    middle = b.node("Add", [b.node("Mul", [shift, b.const(size, dtype)]), b.const(centre, dtype)])
    half = b.node("Mul", [b.node("Exp", [grow]), b.const(size, dtype)])
    half = b.binary("Mul", b.binary("Sub", half, 1, dtype), 0.5, dtype)
    return b.concat([b.node("Sub", [middle, half]), b.node("Add", [middle, half])], 2)


def _placed(b, n, anchors, height, width, dtype):
    """(boxes (N, count, 4), scores (N, count)): cut off at the image; those too small or outside of it have score -1."""
    count, each = anchors.shape[0], anchors.shape[0] // (height * width)
    scores = b.slice(n.inputs[0], [each], [2 * each], [1])
    scores = b.node("Reshape", [b.transpose(scores, [0, 2, 3, 1]), b.const([-1, count])])
    deltas = b.node("Reshape", [b.transpose(n.inputs[1], [0, 2, 3, 1]), b.const([-1, count, 4])])
    rows, columns, scale = (b.unsqueeze(v, [2]) for v in b.split(n.inputs[2], [1, 1, 1], 1))
    last = b.binary("Sub", b.concat([columns, rows, columns, rows], 2), 1, dtype)
    boxes = b.node("Min", [_moved(b, n, deltas, anchors, dtype), last])
    boxes = b.node("Max", [boxes, b.const(0, dtype)])
    stride = n.get("feature_stride", 16)
    places = np.arange(count) // each
    inside = [
        b.node("Less", [b.const(at, dtype), b.squeeze(b.node("Floor", [b.binary("Div", extent, stride, dtype)]), [2])])
        for at, extent in ((places // width, rows), (places % width, columns))
    ]
    least = b.binary("Mul", scale, n.get("rpn_min_size", 16), dtype)
    low, high = b.split(boxes, [2, 2], 2)
    size = b.binary("Add", b.reduce("ReduceMin", b.node("Sub", [high, low]), [2], True), 1, dtype)
    large = b.node("GreaterOrEqual", [size, least])
    half = b.binary("Mul", least, 0.5, dtype)
    grown = b.concat([b.node("Sub", [low, half]), b.node("Add", [high, half])], 2)
    good = b.node("And", [b.node("And", inside), b.squeeze(large, [2])])
    return b.node("Where", [large, boxes, grown]), b.node("Where", [good, scores, b.const(-1, dtype)])


@converts("_contrib_Proposal", "_contrib_MultiProposal")
def proposal(b, n):
    height, width = n.in_shapes[0][2:]
    if not isinstance(height, int) or not isinstance(width, int) or height * width == 0:
        refuse(n, "expected fixed spatial extents above 0")
    dtype, anchors, rows = n.out_types[0], _anchors(n, height, width), n.get("rpn_post_nms_top_n", 300)
    boxes, scores = _placed(b, n, anchors, height, width, dtype)
    scores, boxes = sorted_by(b, scores, boxes)
    most = n.get("rpn_pre_nms_top_n", 6000)
    keys = scores
    if 0 < most < len(anchors):
        keys = b.node("Where", [b.const(np.arange(len(anchors)) < most, "bool"), scores, b.const(-np.inf, dtype)])
    low, high = b.split(boxes, [2, 2], 2)
    pixels = b.concat([low, b.binary("Add", high, 1, dtype)], 2)
    kept = kept_boxes(b, pixels, keys, None, n.number("threshold", 0.7), dtype, rows)
    keys = b.node("Where", [kept, keys, b.const(-np.inf, dtype)])
    keys, boxes = sorted_by(b, keys, boxes)
    found = b.reduce("ReduceSum", b.cast(kept, "int64", "bool"), [1], True)
    # Where too few stay they come again from the first.
    turn = b.unsqueeze(b.node("Mod", [b.const(np.arange(rows)[None]), found]), [2])
    boxes, keys = (b.node("GatherND", [value, turn], batch_dims=1) for value in (boxes, keys))
    image = b.slice(b.node("Shape", n.inputs[:1]), [0], [1], [0])
    index = b.node("Range", [b.const(0), b.squeeze(image, [0]), b.const(1)])
    index = b.node("Expand", [b.cast(b.unsqueeze(index, [1, 2]), dtype, "int64"), b.const([1, rows, 1])])
    return [b.node("Reshape", [b.concat([index, boxes], 2), b.const([-1, 5])]), b.node("Reshape", [keys, b.const([-1, 1])])]
