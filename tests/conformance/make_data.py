"""Writes the conformance data of records and iterators: python tests/conformance/make_data.py

Files and expected batches are computed here, from their formats alone; the library only writes data.params. README.md has the format.
"""

import pathlib
import struct
import zlib

import mixnet as mx
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MAGIC = 0xCED7230A
ROWS, BATCH = 10, 4

# (flag, label, id, id2) and what lies behind the header; flag counts labels when there are several.
IMAGES = [
    (0, [3.0], 7, 0, b"plain"),
    (3, [0.5, -1.0, 2.25], 2**63, 2**40 + 1, b"several labels"),
    (0, [-0.125], 1, 2, struct.pack("<2I", MAGIC, MAGIC) + b"magics" + struct.pack("<I", MAGIC)),
    (1, [9.0], 4, 0, bytes(range(256)) * 3),
]


def image(flag, labels, number, number2, content):
    """An image record: flag, label, two ids, several labels, content."""
    several = np.array(labels, "<f4").tobytes() if flag else b""
    return struct.pack("<IfQQ", flag, 0 if flag else labels[0], number, number2) + several + content


def framed(record):
    """A record as it stands in a file: cut where it holds the magic at a multiple of four, which is left out there."""
    cuts = [i for i in range(0, len(record) - 3, 4) if record[i : i + 4] == struct.pack("<I", MAGIC)]
    starts, ends = [0, *(c + 4 for c in cuts)], [*cuts, len(record)]
    parts = [record[a:b] for a, b in zip(starts, ends)]
    flags = [0] if len(parts) == 1 else [1, *[2] * (len(parts) - 2), 3]
    return b"".join(struct.pack("<2I", MAGIC, f << 29 | len(p)) + p + b"\0" * (-len(p) % 4) for f, p in zip(flags, parts))


def epoch(data, labels, begin, round_batch=True):
    """[(rows of data, labels, padding)] of an epoch that begins with row begin."""
    found = []
    for first in range(begin, len(data) if round_batch else len(data) - BATCH + 1, BATCH):
        rows = np.arange(first, first + BATCH) % len(data)
        found.append((data[rows], labels[rows], max(first + BATCH - len(data), 0)))
    return found


class Book:
    def __init__(self):
        self.lines, self.arrays = [], {}

    def key(self, key, value):
        self.arrays[key] = mx.nd.array(value, dtype=value.dtype)
        return key

    def iterator(self, case, name, files, parameters, epochs):
        self.lines += [f"case {case}", f"iterator {name}", *(f"file {k} {v}" for k, v in files.items())]
        self.lines += [f"set {k} {v}" for k, v in {**parameters, "batch_size": BATCH}.items()]
        for e, batches in enumerate(epochs):
            for i, (data, label, pad) in enumerate(batches):
                stem = f"{case}.{e}.{i}"
                self.lines.append(f"batch {e} {pad} {self.key(stem + '.data', data)} {self.key(stem + '.label', label)}")
        self.lines.append("")

    def records(self):
        whole = [image(*i) for i in IMAGES]
        (HERE / "records.rec").write_bytes(b"".join(map(framed, whole)))
        self.lines += ["case records", "records records.rec"]
        for n, (flag, labels, number, number2, content) in enumerate(IMAGES):
            keys = [self.key(f"records.{n}.{what}", np.frombuffer(b, np.uint8)) for what, b in (("record", whole[n]), ("content", content))]
            self.lines.append(" ".join(["record", *keys, str(flag), str(number), str(number2), *(f"{v:g}" for v in labels)]))
        self.lines.append("")


def png(pixels):
    """The bytes of a PNG file of (height, width, 3) pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def write_numbers(name, values):
    (HERE / name).write_text("".join(",".join(f"{v:g}" for v in row) + "\n" for row in values))


def write_idx(name, values):
    (HERE / name).write_bytes(struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes())


def main():
    random = np.random.RandomState(0)
    book = Book()
    book.records()
    data, labels = (random.randint(-80, 80, (ROWS, 6)) / 8).astype("float32"), random.randint(0, 5, (ROWS, 2)).astype("float32")
    write_numbers("numbers.csv", data)
    write_numbers("labels.csv", labels)
    shaped = data.reshape(ROWS, 2, 3)
    files = {"data_csv": "numbers.csv", "label_csv": "labels.csv"}
    shapes = {"data_shape": "(2,3)", "label_shape": "(2,)"}
    # Rows that filled up an epoch are not given again by the next.
    book.iterator("csv", "CSVIter", files, shapes, [epoch(shaped, labels, 0), epoch(shaped, labels, 2)])
    images, digits = random.randint(0, 256, (ROWS, 3, 5)).astype("uint8"), random.randint(0, 10, ROWS).astype("uint8")
    write_idx("digits-images.idx", images)
    write_idx("digits-labels.idx", digits)
    files = {"image": "digits-images.idx", "label": "digits-labels.idx"}
    scaled = images.astype("float32")[:, None] / 256
    batches = [epoch(scaled, digits.astype("float32"), 0, round_batch=False)] * 2
    book.iterator("mnist", "MNISTIter", files, {"shuffle": "False", "silent": "True"}, batches)
    flat = [[(d.reshape(BATCH, -1), label, pad) for d, label, pad in e] for e in batches]
    book.iterator("mnist_flat", "MNISTIter", files, {"shuffle": "False", "silent": "True", "flat": "True"}, flat)
    pixels = random.randint(0, 256, (ROWS, 4, 6, 3)).astype("uint8")
    marks = np.arange(ROWS, dtype="float32") / 4
    files = [image(0, [mark], i, 0, png(p)) for i, (p, mark) in enumerate(zip(pixels, marks))]
    (HERE / "images.rec").write_bytes(b"".join(map(framed, files)))
    rows = pixels.transpose(0, 3, 1, 2).astype("float32")
    options = {"data_shape": "(3,4,6)", "preprocess_threads": 2, "round_batch": "True"}
    book.iterator("image_record", "ImageRecordIter", {"path_imgrec": "images.rec"}, options, [epoch(rows, marks, 0), epoch(rows, marks, 2)])
    (HERE / "data.txt").write_text("\n".join(book.lines).rstrip("\n") + "\n")
    mx.nd.save(str(HERE / "data.params"), book.arrays)


if __name__ == "__main__":
    main()
