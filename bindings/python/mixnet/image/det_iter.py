"""Batches of images with boxes, augmented together in Python.

A label in a file is flat: width of the header (2 or more), width of a box (5 or more), the rest of the header, then boxes (class, left, top, right,
bottom, ...) with places as shares of the image. In a batch it is (objects, width), filled up with -1. Making an iterator reads all labels once.
"""

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError
from ..io import DataDesc
from . import draw
from .boxes import parse
from .chain import apply_all
from .color_map import ColorMap
from .create import MEAN, STD
from .det_augmenter import DetBorrowAug
from .det_create import CreateDetAugmenter
from .image_iter import ImageIter

LEAST_WIDTH = 5


class ImageDetIter(ImageIter):
    """Iterate over images with boxes of objects.

    Parameters are those of :class:`ImageIter`, but

    Parameters
    ----------
    aug_list : list of DetAugmenter, or None
        None: those of :func:`CreateDetAugmenter` with the other keyword arguments.
    label_name : str

    An example whose label has another form or no box with an area is a fault, as one that cannot be decoded; one that has no box left after
    augmentation is left out.
    """

    def __init__(
        self,
        batch_size,
        data_shape,
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
        label_name="label",
        last_batch_handle="pad",
        on_fault="raise",
        decode_threads=None,
        **kwargs,
    ):
        super().__init__(
            batch_size=batch_size,
            data_shape=data_shape,
            path_imgrec=path_imgrec,
            path_imglist=path_imglist,
            path_root=path_root,
            path_imgidx=path_imgidx,
            shuffle=shuffle,
            part_index=part_index,
            num_parts=num_parts,
            aug_list=CreateDetAugmenter(data_shape, **kwargs) if aug_list is None else aug_list,
            imglist=imglist,
            data_name=data_name,
            label_name=label_name,
            last_batch_handle=last_batch_handle,
            on_fault=on_fault,
            decode_threads=decode_threads,
        )
        self.reshape(label_shape=self._estimate_label_shape())

    # ---- labels -----------------------------------------------------------------------------------------------------

    def _estimate_label_shape(self):
        """The largest number of objects, and the width, of all labels."""
        most, widths = 0, set()
        self.reset()  # as MXNet does: the same seed gives its order
        for key, label, _ in self._read():
            try:
                boxes = parse(label)
            except MXNetError as error:
                if self.on_fault == "raise":
                    raise MXNetError(f"[ImageDetIter] example {key}: {error}") from error
                continue
            most = max(most, len(boxes))
            widths.add(boxes.shape[1])
        if len(widths) != 1:
            raise MXNetError(f"[ImageDetIter] labels: expected boxes of one width, got {sorted(widths)}")
        self.reset()
        return most, widths.pop()

    def check_label_shape(self, label_shape):
        """Raises ValueError unless it is (objects, width) with room for all labels."""
        if len(label_shape) != 2 or label_shape[1] < LEAST_WIDTH:
            raise ValueError(f"[ImageDetIter] label_shape: expected (objects, {LEAST_WIDTH} or more), got {tuple(label_shape)}")
        old = getattr(self, "label_shape", None)
        if old is not None and (label_shape[0] < old[0] or label_shape[1] != old[1]):
            raise ValueError(f"[ImageDetIter] label_shape: expected at least {old[0]} objects of width {old[1]}, got {tuple(label_shape)}")

    def reshape(self, data_shape=None, label_shape=None):
        """Other shapes of images (channels, height, width) or labels (objects, width); augmenters stay as they are.

        Examples that were rolled over are dropped.
        """
        self._kept = None
        if data_shape is not None:
            self.check_data_shape(data_shape)
            self.data_shape = tuple(data_shape)
            self.provide_data = [DataDesc(self.provide_data[0].name, (self.batch_size,) + self.data_shape)]
        if label_shape is not None:
            self.check_label_shape(label_shape)
            self.label_shape = tuple(label_shape)
            self.provide_label = [DataDesc(self.provide_label[0].name, (self.batch_size,) + self.label_shape)]

    def sync_label_shape(self, it, verbose=False):
        """Gives this iterator and another one the larger number of objects of both; returns the other one."""
        if not isinstance(it, ImageDetIter):
            raise TypeError(f"[sync_label_shape] it: expected an ImageDetIter, got {type(it).__name__}")
        if it.label_shape[1] != self.label_shape[1]:
            raise ValueError(f"[sync_label_shape] it: expected boxes of width {self.label_shape[1]}, got {it.label_shape[1]}")
        shape = (max(self.label_shape[0], it.label_shape[0]), self.label_shape[1])
        if verbose and self.label_shape != it.label_shape:
            print(f"label shapes {self.label_shape} and {it.label_shape} become {shape}")
        self.reshape(label_shape=shape)
        it.reshape(label_shape=shape)
        return it

    # ---- batches ----------------------------------------------------------------------------------------------------

    def augmentation_transform(self, data, label):
        """An image and its boxes, augmented. A subclass may do otherwise."""
        image, label = self._augmented(data, label)
        return _pixels(image), label

    def _augmented(self, image, label):
        borrowed = []
        for aug in self.auglist:
            if type(aug).__call__ is DetBorrowAug.__call__:
                borrowed.append(aug.augmenter)
                continue
            image = _pixels(apply_all(borrowed, image))
            borrowed = []
            image, label = aug(image, label)
        return apply_all(borrowed, image), label

    def _checked(self, label):
        return parse(label)

    def _empty_batch(self):
        return nd.empty(self.provide_data[0].shape), np.full((self.batch_size,) + self.label_shape, -1, self.label_dtype)

    def _place(self, batch, row, key, label, image):
        if type(self).augmentation_transform is ImageDetIter.augmentation_transform:
            image, label = self._augmented(image, label)
        else:
            image, label = self.augmentation_transform(image, label)
        if len(label) == 0:
            return 0
        if len(label) > self.label_shape[0] or label.shape[1] != self.label_shape[1]:
            raise MXNetError(f"[ImageDetIter] example {key}: expected boxes that fit into {self.label_shape}, got {label.shape}")
        self._put(batch[0], row, key, image)
        batch[1][row] = -1
        batch[1][row, : len(label)] = label
        return 1

    # ---- looking at it ----------------------------------------------------------------------------------------------

    def draw_next(self, color=None, thickness=2, mean=None, std=None, clip=True, waitKey=None, window_name="draw_next", id2labels=None):  # noqa: N803
        """The augmented images that come next, with their boxes drawn: a generator of arrays (height, width, channels), to the end of the epoch.

        Parameters
        ----------
        color : three numbers of 0 to 255, red first, or None for random ones
        thickness : int
            Of the frames, in pixels.
        mean, std : array of three, True for ImageNet's, or None
            What the images were normalised by, to be undone.
        clip : bool
            Values between 0 and 255, as uint8; else float32.
        waitKey : int or None
            Shows each image in a window for so many milliseconds (0: until a key is pressed); needs opencv-python, as `id2labels` does.
        id2labels : dict from class to name, or None
        """
        mean, std = MEAN if mean is True else mean, STD if std is True else std
        for (key, label, _), future in iter(self._take, None):
            try:
                image, boxes = self.augmentation_transform(future.result(), self._checked(label))
            except (MXNetError, OSError) as error:
                self._fault(key, error)
                continue
            picture = draw.shown(image.asnumpy(), mean, std, clip)
            draw.draw_boxes(picture, boxes, color, thickness)
            if id2labels:
                draw.draw_names(picture, boxes, id2labels)
            if waitKey is not None:
                cv2 = draw.cv2_module("waitKey")
                cv2.imshow(window_name, picture[:, :, ::-1])
                cv2.waitKey(waitKey)
            yield picture


def _pixels(image):
    return image.apply() if isinstance(image, ColorMap) else image
