"""Batches of images decoded and augmented in Python.

Images are decoded by threads, ahead of their turn; augmenters run in order in the caller's thread, since they draw from Python's `random`. Cost per
image beyond decoding and resizing: a pass over the pixels for each augmenter that moves them, one for all that map colours.
"""

import os
import random
import threading

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError
from ..io import DataBatch, DataDesc, DataIter
from ..io.data_iter import positive_batch_size
from . import examples
from .chain import apply_all
from .codec import imdecode
from .color_map import ColorMap
from .create import CreateAugmenter
from .decode_ahead import DecodeAhead, usable_threads

HANDLES = ("pad", "discard", "roll_over")
LABEL_DTYPES = ("float32", "float64", "int32", "int64")
FAULTS_KEPT = 100


class ImageIter(DataIter):
    """Iterate over images in a record file, or over image files named by a list.

    Parameters
    ----------
    batch_size : int
    data_shape : tuple
        (3, height, width) of the images in a batch.
    label_width : int
        Numbers of a label; with more than one, labels are (batch_size, label_width).
    path_imgrec, path_imgidx : str
        A record file, and its index, which `shuffle` needs.
    path_imglist, imglist, path_root : str, list, str
        A list file (lines of key, labels, name with tabs between) or a list of [label or labels, name], and the folder of the names. With a record
        file and its index, the list says which records are read, and their labels.
    shuffle : bool
        A new order in each epoch, drawn from Python's `random`.
    part_index, num_parts : int
        One of several shares: every example belongs to one.
    aug_list : list of Augmenter, or None
        None: those of :func:`CreateAugmenter` with the other keyword arguments.
    data_name, label_name : str
    dtype : str
        Of labels: float32, float64, int32 or int64.
    last_batch_handle : {'pad', 'discard', 'roll_over'}
        An incomplete batch at the end is filled from the beginning (and says so in ``pad``), dropped, or begins the next epoch.
    on_fault : {'raise', 'skip'}
        What cannot be read or decoded raises, or is left out and counted by `report`.
    decode_threads : int or None
        Threads that decode; 0: the caller's; None: as many as cores, at most 4. The batches are the same for any number.

    Raises
    ------
    ValueError, TypeError, MXNetError
        For arguments that contradict each other, and by `next` for an image that cannot be decoded (after which the next call goes on behind it).
    """

    def __init__(
        self,
        batch_size,
        data_shape,
        label_width=1,
        path_imgrec=None,
        path_imglist=None,
        path_root=None,
        path_imgidx=None,
        shuffle=False,
        part_index=0,
        num_parts=1,
        aug_list=None,
        imglist=None,
        data_name="data",
        label_name="softmax_label",
        dtype="float32",
        last_batch_handle="pad",
        on_fault="raise",
        decode_threads=None,
        **kwargs,
    ):
        super().__init__(positive_batch_size("ImageIter", batch_size))
        self._check_choices(label_width, dtype, last_batch_handle, on_fault)
        self.check_data_shape(data_shape)
        self.data_shape, self.label_width = tuple(data_shape), label_width
        self.auglist = CreateAugmenter(data_shape, **kwargs) if aug_list is None else list(aug_list)
        self.shuffle, self.path_root = shuffle, path_root
        self.last_batch_handle, self.on_fault, self.label_dtype = last_batch_handle, on_fault, np.dtype(dtype)
        self.provide_data = [DataDesc(data_name, (self.batch_size,) + self.data_shape)]
        label_shape = (self.batch_size,) if label_width == 1 else (self.batch_size, label_width)
        self.provide_label = [DataDesc(label_name, label_shape, self.label_dtype)]
        self._open(path_imgrec, path_imgidx, path_imglist, imglist, part_index, num_parts)
        overridden = type(self).imdecode is not ImageIter.imdecode  # it may be no function for several threads
        self._ahead = DecodeAhead(0 if overridden else usable_threads(decode_threads))
        self._given, self._skipped, self._faults = 0, 0, []
        self.cur, self._ended, self._kept, self._images = 0, False, None, None
        self._closed, self._lock = False, threading.RLock()
        self.reset()

    @staticmethod
    def _check_choices(label_width, dtype, last_batch_handle, on_fault):
        for name, value, choices in (
            ("dtype", np.dtype(dtype).name, LABEL_DTYPES),
            ("last_batch_handle", last_batch_handle, HANDLES),
            ("on_fault", on_fault, ("raise", "skip")),
        ):
            if value not in choices:
                raise ValueError(f"[ImageIter] {name}: expected one of {choices}, got {value!r}")
        if label_width < 1:
            raise ValueError(f"[ImageIter] label_width: expected at least 1, got {label_width}")

    def _open(self, path_imgrec, path_imgidx, path_imglist, imglist, part_index, num_parts):
        if not path_imgrec and not path_imglist and not isinstance(imglist, list):
            raise ValueError("[ImageIter] expected path_imgrec, path_imglist or imglist, got none of them")
        self.imgrec = examples.open_records(path_imgrec, path_imgidx, part_index, num_parts) if path_imgrec else None
        self.imgidx = list(self.imgrec.keys) if path_imgrec and path_imgidx else None
        self.imglist = examples.read_list(path_imglist) if path_imglist else examples.of_list(imglist) if isinstance(imglist, list) else None
        if path_imgrec and not path_imgidx:
            if self.shuffle:
                raise ValueError("[ImageIter] shuffle: expected path_imgidx with a record file, got none")
            self.seq = self.num_image = self.imglist = None
            return
        self.seq = examples.share(list(self.imgidx if self.imglist is None else self.imglist), part_index, num_parts)
        self.num_image = len(self.seq)

    # ---- epochs -----------------------------------------------------------------------------------------------------

    def reset(self):
        """The next epoch begins; with 'roll_over' by the examples that were left over."""
        with self._lock:
            if self._closed:
                raise MXNetError(f"[{type(self).__name__} reset] expected an open iterator, got a closed one")
            if not (self.last_batch_handle == "roll_over" and self._ended):
                self._kept = None
            if self.shuffle:
                random.shuffle(self.seq)
            self._ended = False
            self._rewind()

    def hard_reset(self):
        """As `reset`, and forgets what was left over."""
        self._kept = None
        self.reset()

    def _rewind(self):
        if self._images is not None:
            self._images.close()
        self.cur = 0
        if self.imgrec is not None:
            self.imgrec.reset()
        self._images = self._ahead.run(self._read(), self._decode)

    def close(self):
        """Ends the threads and closes the file. Any thread, at any time: what another thread waits for in `next` ends early."""
        self._closed = True
        with self._lock:
            self._images.close()
            self._ahead.close()
            if self.imgrec is not None:
                self.imgrec.close()

    @property
    def report(self):
        """What was met so far: ``{"examples": given, without padding, "skipped": could not be read, "faults": texts of the first 100 of these}``."""
        return {"examples": self._given, "skipped": self._skipped, "faults": list(self._faults)}

    # ---- examples ---------------------------------------------------------------------------------------------------

    def next_sample(self):
        """(label, bytes of the image) of the next example; StopIteration at the end."""
        if self.seq is None:
            record = self.imgrec.read()
            if record is None:
                raise StopIteration
            self.cur += 1
            header, image = examples.recordio.unpack(record)
            return header.label, image
        if self.cur >= len(self.seq):
            raise StopIteration
        key = self.seq[self.cur]
        self.cur += 1
        if self.imgrec is None:
            label, name = self.imglist[key]
            return label, self.read_image(name)
        header, image = examples.recordio.unpack(self.imgrec.read_idx(key))
        return (header.label if self.imglist is None else self.imglist[key][0]), image

    def read_image(self, fname):
        """The bytes of an image file below `path_root`."""
        with open(os.path.join(self.path_root or "", fname), "rb") as file:
            return file.read()

    def imdecode(self, s):
        """Pixels of an image file's bytes: NDArray (height, width, channels)."""
        return imdecode(s)

    def check_valid_image(self, data):
        """Raises MXNetError unless data[0] has pixels."""
        if len(data[0].shape) == 0 or data[0].size == 0:
            raise MXNetError(f"[ImageIter] expected an image with pixels, got shape {data[0].shape}")

    def check_data_shape(self, data_shape):
        """Raises ValueError unless it is (3, height, width)."""
        if len(data_shape) != 3 or data_shape[0] != 3 or min(data_shape) < 1:
            raise ValueError(f"[ImageIter] data_shape: expected (3, height, width), got {tuple(data_shape)}")

    def augmentation_transform(self, data):
        """An image augmented: NDArray (height, width, channels). A subclass may do otherwise."""
        result = apply_all(self.auglist, data)
        return result.apply() if isinstance(result, ColorMap) else result

    def postprocess_data(self, datum):
        """An augmented image as it stands in the batch: (channels, height, width). A subclass may do otherwise."""
        return nd.transpose(datum, axes=(2, 0, 1))

    def _key(self):
        """What names the example that was read last, in messages."""
        if not self.seq or not 0 < self.cur <= len(self.seq):
            return self.cur - 1
        key = self.seq[self.cur - 1]
        return key if self.imgrec is not None else f"{key} ({self.imglist[key][1]})"

    def _read(self):
        """(key, label, bytes or an error) of all that is left: one that cannot be read leaves the others."""
        while True:
            place = self.cur
            try:
                label, image = self.next_sample()
            except StopIteration:
                return
            except (MXNetError, OSError) as error:
                label, image = None, error
                self.cur = max(self.cur, place + 1)
            yield self._key(), label, image

    def _decode(self, example):
        if isinstance(example[2], Exception):
            raise example[2]
        image = self.imdecode(example[2])
        self.check_valid_image([image])
        return image

    # ---- batches ----------------------------------------------------------------------------------------------------

    def next(self):
        """The next batch; StopIteration at the end of the epoch."""
        with self._lock:
            return self._next()

    def _next(self):
        if self._ended or self._closed:
            raise StopIteration
        batch, count = self._kept or (self._empty_batch(), 0)
        self._kept = None
        full = self._fill(batch, count)
        if self._closed:
            raise StopIteration
        if full < self.batch_size:
            self._ended = True
            if full == 0 or self.last_batch_handle == "discard":
                raise StopIteration
            if self.last_batch_handle == "roll_over":
                self._kept = batch, full
                raise StopIteration
            self._fill_up(batch, full)
        self._given += full
        return self._finished(batch, self.batch_size - full)

    def _fill(self, batch, row, is_padding=False):
        """Puts examples into the rows from `row` on; the number of rows that are filled then. What raises leaves the rows to the next call."""
        while row < self.batch_size:
            example = self._take()
            if example is None:
                break
            (key, label, _), future = example
            try:
                label, image = self._checked(label), future.result()
            except (MXNetError, OSError) as error:
                if not is_padding:
                    self._kept = batch, row
                    self._fault(key, error)
                    self._kept = None
                continue
            self._kept = batch, row
            row += self._place(batch, row, key, label, image)
            self._kept = None
        return row

    def _take(self):
        """The next example, (key, label, bytes) and the future of its image; None at the end."""
        with self._lock:
            return None if self._closed else next(self._images, None)

    def _checked(self, label):
        """A label in the form `_place` takes; raises MXNetError for one that is a fault of its example."""
        return label

    def _fill_up(self, batch, row):
        while row < self.batch_size and not self._closed:
            self._rewind()
            row = self._fill(batch, row, is_padding=True)

    def _fault(self, key, error):
        message = f"[{type(self).__name__}] example {key}: {error}"
        if self.on_fault == "raise":
            raise MXNetError(message) from error
        self._skipped += 1
        if len(self._faults) < FAULTS_KEPT:
            self._faults.append(message)

    def _empty_batch(self):
        return nd.empty(self.provide_data[0].shape), np.empty((self.batch_size, self.label_width), self.label_dtype)

    def _place(self, batch, row, key, label, image):
        """Augments an example and puts it into a row; how many rows it took: 1, or 0 where it is left out."""
        batch[1][row] = examples.as_label(label, self.label_width, key)
        if type(self).augmentation_transform is ImageIter.augmentation_transform:
            image = apply_all(self.auglist, image)
        else:
            image = self.augmentation_transform(image)
        self._put(batch[0], row, key, image)
        return 1

    def _put(self, data, row, key, image):
        if isinstance(image, ColorMap):
            ours = type(self).postprocess_data is ImageIter.postprocess_data
            image = image.planes() if ours else self.postprocess_data(image.apply())
        else:
            image = self.postprocess_data(image)
        if image.shape != data.shape[1:]:
            raise MXNetError(f"[{type(self).__name__}] example {key}: expected the augmenters to give {data.shape[1:]}, got {image.shape}")
        data[row] = image

    def _finished(self, batch, pad):
        data, label = batch
        label = nd.array(label.reshape(self.provide_label[0].shape), dtype=self.label_dtype)
        return DataBatch([data], [label], pad=pad, provide_data=self.provide_data, provide_label=self.provide_label)
