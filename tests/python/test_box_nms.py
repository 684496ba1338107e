"""Non-maximum suppression: which boxes compete."""

import mixnet as mx


def kept(ids, **options):
    """Classes that stay, of boxes that cover each other."""
    boxes = [[number, 0.9 - 0.1 * i, 0, 0, 1, 1] for i, number in enumerate(ids)]
    found = mx.nd._contrib_box_nms(mx.nd.array(boxes), overlap_thresh=0.1, id_index=0, **options).asnumpy()
    return found[found[:, 1] > 0, 0].astype(float).round(4).tolist()


def test_classes_are_compared_as_whole_numbers():
    assert kept([0.2, 0.7, 1.1, 1.9]) == [0.2, 1.1]
    assert kept([0, 1, 0, 2]) == [0, 1, 2]
    assert kept([0, 1, 2], force_suppress=True) == [0]


def test_the_background_goes_when_its_number_is_exact():
    assert kept([1, 1.3, 0], background_id=1) == [1.3, 0]
