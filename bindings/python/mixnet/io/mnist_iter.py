"""Batches of MNIST-like images from two idx files. The bytes stay uint8 in memory; a batch is scaled on demand."""

import logging

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError
from .data_desc import DataDesc
from .data_iter import DataIter, positive_batch_size
from .idx_file import read_idx


class MNISTIter(DataIter):
    """Iterate over images and labels in idx files, plain or ``.gz``.

    Pixels are scaled to [0, 1) by 1/256. Incomplete last batches are dropped. The order is drawn once, when the
    files are read, and stays for all epochs.

    Parameters
    ----------
    image, label : str
        Paths of the idx3 and idx1 files.
    batch_size : int
    shuffle : bool
    flat : bool
        Shape (batch, height*width) instead of (batch, 1, height, width).
    seed : int
        Seed of the order.
    silent : bool
        False logs one line (level INFO) about what was read.
    num_parts, part_index : int
        Read only the `part_index`-th of `num_parts` contiguous parts.
    input_shape : tuple of int, optional
        Shape of one example; its size must be that of an image.
    data_name, label_name : str
    dtype : str, optional
        Type of the data, float32 by default.
    prefetch_buffer, ctx :
        Accepted for old scripts; the files are in memory already and batches are made on the current context.

    Raises
    ------
    MXNetError
        For missing, truncated or corrupt files and files of different lengths.
    ValueError
        For a wrong `batch_size`, part or `input_shape`.
    """

    def __init__(
        self,
        image="./train-images-idx3-ubyte",
        label="./train-labels-idx1-ubyte",
        batch_size=128,
        shuffle=True,
        flat=False,
        seed=0,
        silent=False,
        num_parts=1,
        part_index=0,
        input_shape=None,
        data_name="data",
        label_name="softmax_label",
        dtype=None,
        prefetch_buffer=4,
        ctx="cpu",
    ):
        super().__init__(positive_batch_size("MNISTIter", batch_size))
        images, labels = read_idx(image, 3), read_idx(label, 1)
        if len(images) != len(labels):
            raise MXNetError(f"[MNISTIter {label}] labels: expected {len(images)} like {image}, got {len(labels)}")
        self._rows = _part(len(images), num_parts, part_index)
        if shuffle:
            np.random.RandomState(seed).shuffle(self._rows)
        self._images, self._labels = images, labels
        self._shape = _example_shape(images.shape[1:], flat, input_shape)
        self._dtype = np.dtype(dtype or np.float32)
        self.data_name, self.label_name = data_name, label_name
        self.cursor = -self.batch_size
        if not silent:
            logging.getLogger(__name__).info("MNISTIter: %d images of shape %s", len(self._rows), self._shape)

    @property
    def provide_data(self):
        """Description of the images."""
        return [DataDesc(self.data_name, (self.batch_size,) + self._shape, self._dtype.type)]

    @property
    def provide_label(self):
        """Description of the labels, shape (batch,)."""
        return [DataDesc(self.label_name, (self.batch_size,))]

    def reset(self):
        """Back to the first batch, same order."""
        self.cursor = -self.batch_size

    def iter_next(self):
        """Move on by one batch; False where fewer than `batch_size` images are left."""
        if self.cursor < len(self._rows):
            self.cursor += self.batch_size
        return self.cursor + self.batch_size <= len(self._rows)

    def getindex(self):
        """Numbers of the current images in the file."""
        return self._rows[self.cursor : self.cursor + self.batch_size]

    def getdata(self):
        """One array of pixels in [0, 1)."""
        pixels = self._images[self.getindex()].astype(np.float32) * np.float32(1 / 256)
        return [nd.array(pixels.reshape((self.batch_size,) + self._shape), dtype=self._dtype)]

    def getlabel(self):
        """One float32 array of class numbers, shape (batch,)."""
        return [nd.array(self._labels[self.getindex()].astype(np.float32))]

    def getpad(self):
        """Always 0: batches are complete."""
        return 0


def _part(count, num_parts, part_index):
    if num_parts < 1 or not 0 <= part_index < num_parts:
        raise ValueError(f"[MNISTIter] part_index: expected 0 <= part_index < num_parts, got {part_index}, {num_parts}")
    return np.arange(count * part_index // num_parts, count * (part_index + 1) // num_parts)


def _example_shape(image_shape, flat, input_shape):
    size = int(np.prod(image_shape))
    if input_shape is None:
        return (size,) if flat else (1,) + tuple(image_shape)
    shape = tuple(int(axis) for axis in input_shape)
    if int(np.prod(shape)) != size:
        raise ValueError(f"[MNISTIter] input_shape: expected {size} pixels like {tuple(image_shape)}, got {shape}")
    return (size,) if flat else shape
