"""Writes tests/data/records with MXNet 1.9.1: a .rec file with an index, whose records have the magic number inside, and packed.rec as its im2rec
packs files as they are. Run by make.py."""

import pathlib
import struct
import sys

from mxnet import recordio

MAGIC = struct.pack("<I", 0xCED7230A)


def packed(folder):
    """Six files, the bytes of number i are the magic number and others by turns; labels of one, two and three numbers."""
    file = recordio.MXIndexedRecordIO(str(folder / "packed.idx"), str(folder / "packed.rec"), "w")
    for i in (3, 0, 5, 1, 4, 2):
        label = [i * 0.1, -1.5, 1e10][: i % 3 + 1]
        header = recordio.IRHeader(0, label if len(label) > 1 else label[0], i, 0)
        file.write_idx(i, recordio.pack(header, (MAGIC + b"file" * i) * i + b"x" * (i + 1)))
    file.close()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    records = [b"", b"a", b"abcd" + MAGIC + b"efgh" + MAGIC, MAGIC * 2]
    records.append(recordio.pack(recordio.IRHeader(0, 2.5, 4, 0), b"not an image"))
    records.append(recordio.pack(recordio.IRHeader(0, [1, 2, 3], 5, 0), b"nor this"))
    file = recordio.MXIndexedRecordIO(str(folder / "mxnet.idx"), str(folder / "mxnet.rec"), "w")
    for key, record in enumerate(records):
        file.write_idx(key, record)
    file.close()
    packed(folder)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
