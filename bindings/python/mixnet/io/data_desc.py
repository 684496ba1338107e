"""What an iterator promises (`DataDesc`) and what it delivers (`DataBatch`)."""

from collections import namedtuple

import numpy as np


class DataDesc(namedtuple("DataDesc", ["name", "shape"])):
    """Name, shape, dtype and layout of one input.

    It is the pair ``(name, shape)`` for comparing, hashing and unpacking; `dtype` and `layout` ride along.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Whole shape with the batch axis.
    dtype : numpy type or its name
    layout : str or None
        One letter per axis; the place of ``N`` is the batch axis (``NCHW``, ``TNC``).
    """

    def __new__(cls, name, shape, dtype=np.float32, layout="NCHW"):
        desc = super().__new__(cls, name, tuple(shape))
        desc.dtype = dtype
        desc.layout = layout
        return desc

    def __repr__(self):
        return f"DataDesc[{self.name},{self.shape},{self.dtype},{self.layout}]"

    @staticmethod
    def get_batch_axis(layout):
        """Index of the batch axis in `layout`: 0 for None, -1 where the layout has no ``N``."""
        return 0 if layout is None else layout.find("N")

    @staticmethod
    def get_list(shapes, types):
        """Join ``[(name, shape)]`` and ``[(name, dtype)]`` (or None) to a list of `DataDesc`."""
        if types is None:
            return [DataDesc(name, shape) for name, shape in shapes]
        type_of = dict(types)
        return [DataDesc(name, shape, type_of[name]) for name, shape in shapes]


def as_desc(item):
    """`DataDesc` from itself or from a tuple ``(name, shape[, dtype[, layout]])``."""
    return item if isinstance(item, DataDesc) else DataDesc(*item)


class DataBatch:
    """One mini-batch.

    Parameters
    ----------
    data, label : list of NDArray (label may be None)
    pad : int or None
        How many examples at the end only fill the batch up and do not count.
    index : array of int or None
        Numbers of the examples in their source.
    bucket_key : hashable or None
        Which bucket of a `BucketingModule` this batch belongs to.
    provide_data, provide_label : list of DataDesc or None
        Shapes of this batch where they differ from those of the iterator.
    """

    def __init__(self, data, label=None, pad=None, index=None, bucket_key=None, provide_data=None, provide_label=None):
        for place, arrays in (("data", data), ("label", label)):
            if arrays is not None and not isinstance(arrays, (list, tuple)):
                raise TypeError(f"[DataBatch] {place}: expected a list of NDArray, got {type(arrays).__name__}")
        self.data = data
        self.label = label
        self.pad = pad
        self.index = index
        self.bucket_key = bucket_key
        self.provide_data = provide_data
        self.provide_label = provide_label

    def __str__(self):
        data_shapes = [d.shape for d in self.data]
        label_shapes = [lab.shape for lab in self.label] if self.label else None
        return f"{type(self).__name__}: data shapes: {data_shapes} label shapes: {label_shapes}"
