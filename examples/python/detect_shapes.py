"""Detection: a small single-shot detector (Liu et al., 2016) learns to find discs, squares and triangles in drawn images.

Anchors at every pixel of two feature maps, targets from MultiBoxTarget, boxes from MultiBoxDetection. Prints the mean average
precision on fresh images: about a minute of training on two cores.
"""

import argparse

import mixnet as mx
import numpy as np

SHAPES = ("disc", "square", "triangle")
SIDE = 48
# Of every feature map: sizes of anchors as shares of the image.
SIZES = ((0.2, 0.3), (0.42, 0.55))


def draw(rng, count):
    """Images (count, 1, SIDE, SIDE) with noise and one to three shapes each, and labels (count, 3, 5): class, corners; -1 for none."""
    images = rng.uniform(0, 0.4, (count, 1, SIDE, SIDE)).astype("float32")
    labels = np.full((count, 3, 5), -1, "float32")
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    for image, label in zip(images, labels):
        for k in range(rng.randint(1, 4)):
            kind, size = rng.randint(len(SHAPES)), rng.randint(9, 25)
            top, left = rng.randint(0, SIDE - size, 2)
            taken = [b for b in label[:k] if min(left + size, b[3] * SIDE) > max(left, b[1] * SIDE) and min(top + size, b[4] * SIDE) > max(top, b[2] * SIDE)]
            if taken:
                break
            y, x = (rows - top + 0.5) / size, (columns - left + 0.5) / size
            box = (x > 0) & (x < 1) & (y > 0) & (y < 1)
            inside = ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.25, box, box & (np.abs(x - 0.5) < y / 2))[kind]
            image[0][inside] = rng.uniform(0.6, 1)
            label[k] = kind, left / SIDE, top / SIDE, (left + size) / SIDE, (top + size) / SIDE
    return images, labels


def layer(data, filters, name, pool=True):
    """A convolution with batch normalisation and relu, then the larger of four pixels."""
    data = mx.sym.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=filters, no_bias=True, name=name)
    data = mx.sym.Activation(mx.sym.BatchNorm(data, fix_gamma=False, name=name + "_norm"), act_type="relu")
    return mx.sym.Pooling(data, kernel=(2, 2), stride=(2, 2), pool_type="max") if pool else data


def detector():
    """Class scores (N, classes + 1, A), offsets (N, 4 A) and anchors (1, A, 4)."""
    near = layer(layer(layer(mx.sym.Variable("data"), 16, "conv1"), 32, "conv2"), 48, "conv3")
    far = layer(layer(near, 48, "conv4", pool=False), 64, "conv5")
    scores, offsets, anchors = [], [], []
    for k, (features, sizes) in enumerate(zip((near, far), SIZES)):
        for parts, numbers, kind in ((scores, len(SHAPES) + 1, "score"), (offsets, 4, "offset")):
            head = mx.sym.Convolution(features, kernel=(3, 3), pad=(1, 1), num_filter=numbers * len(sizes), name=f"{kind}{k}")
            parts.append(mx.sym.Reshape(mx.sym.transpose(head, axes=(0, 2, 3, 1)), shape=(0, -1, numbers)))
        anchors.append(mx.sym._contrib_MultiBoxPrior(features, sizes=sizes))
    scores = mx.sym.transpose(mx.sym.concat(*scores, dim=1), axes=(0, 2, 1))
    return scores, mx.sym.Flatten(mx.sym.concat(*offsets, dim=1)), mx.sym.concat(*anchors, dim=1)


def training_net():
    """Losses of classes and offsets; three background anchors count for every anchor with a shape."""
    scores, offsets, anchors = detector()
    target, mask, classes = mx.sym._contrib_MultiBoxTarget(anchors, mx.sym.Variable("label"), scores, negative_mining_ratio=3.0, name="target")
    probability = mx.sym.SoftmaxOutput(scores, classes, multi_output=True, use_ignore=True, ignore_label=-1, normalization="valid", name="class")
    distance = mx.sym.smooth_l1(mask * (offsets - target), scalar=1.0)
    distance = mx.sym.MakeLoss(distance, normalization="valid", valid_thresh=1e-6, name="distance")
    return mx.sym.Group([probability, distance, mx.sym.BlockGrad(classes), mx.sym.BlockGrad(mask)])


def predicting_net():
    """Rows (class, score, corners) of the shapes that were found, class -1 for none."""
    scores, offsets, anchors = detector()
    return mx.sym._contrib_MultiBoxDetection(mx.sym.softmax(scores, axis=1), offsets, anchors, nms_threshold=0.4, threshold=0.05)


def train(steps, batch_size, seed=0):
    rng = np.random.RandomState(seed)
    module = mx.mod.Module(training_net(), label_names=["label"])
    module.bind([("data", (batch_size, 1, SIDE, SIDE))], [("label", (batch_size, 3, 5))])
    module.init_params(mx.init.Xavier())
    module.init_optimizer(optimizer="adam", optimizer_params={"learning_rate": 3e-3, "rescale_grad": 1.0})
    for step in range(1, steps + 1):
        images, labels = draw(rng, batch_size)
        module.forward_backward(mx.io.DataBatch([mx.nd.array(images)], [mx.nd.array(labels)]))
        module.update()
        if step % max(1, steps // 8) == 0 or step == 1:
            probability, distance, classes, mask = (output.asnumpy() for output in module.get_outputs())
            chosen = np.take_along_axis(probability, np.maximum(classes, 0)[:, None].astype(int), 1)[:, 0][classes >= 0]
            offset_loss = distance.sum() / max(1, mask.sum())
            print(f"step {step} class loss {-np.log(chosen + 1e-9).mean():.3f} offset loss {offset_loss:.3f}")
    return module.get_params()


def overlap(box, others):
    """Intersection over union of corners (4,) with corners (n, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.maximum(high - low, 0), 1)
    return common / (np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], 1) - common)


def average_precision(found, labels, kind):
    """The area under precision over recall of one class: what is found counts when it overlaps a shape by half, once per shape."""
    rows = [(row[1], i, row[2:]) for i, image in enumerate(found) for row in image if row[0] == kind]
    wanted = [label[label[:, 0] == kind][:, 1:] for label in labels]
    taken = [np.zeros(len(boxes), bool) for boxes in wanted]
    hits = []
    for _, i, box in sorted(rows, key=lambda row: -row[0]):
        overlaps = overlap(box, wanted[i]) * ~taken[i] if len(wanted[i]) else np.zeros(1)
        hits.append(overlaps.max() >= 0.5)
        if hits[-1]:
            taken[i][overlaps.argmax()] = True
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    # Precision at every hit, not below that at a later one.
    best = np.maximum.accumulate(precision[::-1])[::-1] if len(hits) else precision
    return best[np.array(hits, bool)].sum() / max(1, sum(len(boxes) for boxes in wanted))


def test(params, count=200, seed=1):
    images, labels = draw(np.random.RandomState(seed), count)
    module = mx.mod.Module(predicting_net(), label_names=None)
    module.bind([("data", images.shape)], for_training=False)
    module.set_params(*params)
    module.forward(mx.io.DataBatch([mx.nd.array(images)]), is_train=False)
    found = module.get_outputs()[0].asnumpy()
    precisions = [average_precision(found, labels, kind) for kind in range(len(SHAPES))]
    for name, value in zip(SHAPES, precisions):
        print(f"{name} average precision {value:.3f}")
    print(f"mean average precision {np.mean(precisions):.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()
    mx.random.seed(0)
    np.random.seed(0)
    test(train(options.steps, options.batch_size))


if __name__ == "__main__":
    main()
