"""Images from files to batches of 64 x 3 x 224 x 224 floats, by one of several libraries: python image_peer.py mixnet|mxnet|torch|tensorflow.

{"do": "open", "records": of the images, "paths": of the same as files, "labels": ..., "row": "crop" | "resized_crop", "threads": n}  ->  {}
{"do": "epoch"}  ->  {"seconds": of one pass over all images, whole batches, "images": how many}

crop: the shorter side to 256 pixels, then a random 224 x 224; resized_crop: a random part of 8 to 100 % of the area, of ratio 3/4 to 4/3, to 224 x 224.
Both are mirrored by chance, and mean and deviation of the colours are taken out. Nothing works on an epoch before it is asked for.
"""

import importlib
import re
import sys
import time

import worker

SIZE, SHORTER, BATCH = 224, 256, 64
MEAN, DEVIATION = (123.68, 116.779, 103.939), (58.393, 57.12, 57.375)
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


class Mx:
    """ImageRecordIter of mixnet or Apache MXNet: the API is the same."""

    def __init__(self, records, paths, labels, row, threads):
        colours = {f"{name}_{colour}": value for name, values in (("mean", MEAN), ("std", DEVIATION)) for colour, value in zip("rgb", values)}
        if row == "crop":
            cut = {"resize": SHORTER, "rand_crop": True}
        else:
            cut = {"random_resized_crop": True, "min_random_area": AREA[0], "max_random_area": AREA[1]}
            cut.update(min_aspect_ratio=RATIO[0], max_aspect_ratio=RATIO[1])
        files = {"path_imgrec": records, "data_shape": (3, SIZE, SIZE), "batch_size": BATCH, "preprocess_threads": threads}
        self._iter = mx.io.ImageRecordIter(**files, **cut, **colours, rand_mirror=True, round_batch=False)
        self._fresh = True

    def epoch(self):
        if not self._fresh:
            self._iter.reset()
        self._fresh, count = False, 0
        for batch in self._iter:
            batch.data[0].wait_to_read()
            count += BATCH - batch.pad
        return count


def _torch_images(paths, labels, row):
    import cv2
    import numpy as np
    import torch

    mean, scale = np.float32(MEAN), 1 / np.float32(DEVIATION)

    def resized_crop(image):
        height, width = image.shape[:2]
        for _ in range(10):
            area = height * width * np.random.uniform(*AREA)
            ratio = np.exp(np.random.uniform(*np.log(RATIO)))
            w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if w <= width and h <= height:
                top, left = np.random.randint(height - h + 1), np.random.randint(width - w + 1)
                return cv2.resize(image[top : top + h, left : left + w], (SIZE, SIZE))
        return cv2.resize(image, (SIZE, SIZE))

    def crop(image):
        height, width = image.shape[:2]
        scale = SHORTER / min(height, width)
        image = cv2.resize(image, (round(width * scale), round(height * scale)))
        top, left = np.random.randint(image.shape[0] - SIZE + 1), np.random.randint(image.shape[1] - SIZE + 1)
        return image[top : top + SIZE, left : left + SIZE]

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return len(paths)

        def __getitem__(self, i):
            cv2.setNumThreads(0)
            image = cv2.imdecode(np.fromfile(paths[i], np.uint8), cv2.IMREAD_COLOR)
            image = crop(image) if row == "crop" else resized_crop(image)
            if np.random.rand() < 0.5:
                image = cv2.flip(image, 1)
            image = (cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.float32) - mean) * scale
            return torch.from_numpy(image).permute(2, 0, 1).contiguous(), labels[i]

    return Images()


class Torch:
    """DataLoader with a process per thread, pictures by OpenCV."""

    def __init__(self, records, paths, labels, row, threads):
        import torch

        torch.set_num_threads(1)
        images = _torch_images(paths, labels, row)
        self._loader = torch.utils.data.DataLoader(images, BATCH, num_workers=threads, persistent_workers=True, prefetch_factor=2)

    def epoch(self):
        return sum(data.shape[0] for data, _ in self._loader)


class TensorFlow:
    """tf.data: a parallel map, batches, and as much prefetch as it likes; in resized_crop only the part is decoded."""

    def __init__(self, records, paths, labels, row, threads):
        import tensorflow as tf

        mean, deviation = tf.constant(MEAN), tf.constant(DEVIATION)

        def crop(file):
            image = tf.io.decode_jpeg(file, channels=3)
            extents = tf.cast(tf.shape(image)[:2], tf.float32)
            extents = tf.cast(tf.round(extents * (SHORTER / tf.reduce_min(extents))), tf.int32)
            return tf.image.random_crop(tf.image.resize(image, extents), (SIZE, SIZE, 3))

        def resized_crop(file):
            extents = tf.io.extract_jpeg_shape(file)
            everything = tf.zeros((1, 0, 4))
            begin, size, _ = tf.image.sample_distorted_bounding_box(
                extents, everything, min_object_covered=0, aspect_ratio_range=RATIO, area_range=AREA, max_attempts=10, use_image_if_no_bounding_boxes=True
            )
            window = tf.stack([begin[0], begin[1], size[0], size[1]])
            return tf.image.resize(tf.image.decode_and_crop_jpeg(file, window, channels=3), (SIZE, SIZE))

        def example(path, label):
            file = tf.io.read_file(path)
            image = tf.image.random_flip_left_right(crop(file) if row == "crop" else resized_crop(file))
            return tf.transpose((image - mean) / deviation, (2, 0, 1)), label

        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        options.threading.max_intra_op_parallelism = 1
        data = tf.data.Dataset.from_tensor_slices((paths, labels))
        data = data.map(example, num_parallel_calls=threads).batch(BATCH).prefetch(tf.data.AUTOTUNE)
        self._data = data.with_options(options)

    def epoch(self):
        return sum(data.shape[0] for data, _ in self._data)


KINDS = {"mixnet": Mx, "mxnet": Mx, "torch": Torch, "tensorflow": TensorFlow}
opened = {}


def case(_spec):
    raise worker.CannotError("no graphs")


def open_images(command):
    opened["side"] = KINDS[sys.argv[1]](*(command[name] for name in ("records", "paths", "labels", "row", "threads")))
    return {}


def epoch(_command):
    begin = time.perf_counter()
    count = opened["side"].epoch()
    return {"seconds": time.perf_counter() - begin, "images": count}


if __name__ == "__main__":
    library = importlib.import_module(sys.argv[1])
    if KINDS[sys.argv[1]] is Mx:
        mx = library
    worker.serve(library.__name__, re.sub(r"\+.*", "", library.__version__), case, open=open_images, epoch=epoch)
