"""A DataLoader as a side of a benchmark: python loader_peer.py mixnet|torch|mxnet WORKERS. Answers {"do": ROW} with the seconds of one epoch.

The pictures are uint8 (count, 28, 28, 1) arrays in memory in all of them. PyTorch's transforms are what torchvision's do to an array, without its checks.
"""

import importlib
import json
import os
import pathlib
import sys
import time

import numpy as np

KIND, WORKERS = sys.argv[1], int(sys.argv[2])
BATCH, MEAN, STD = 128, 0.2860, 0.3530


def pictures(root):
    """Pictures and labels of FashionMNIST's test files in `root`."""
    import gzip

    def read(name, header):
        return np.frombuffer(gzip.decompress((pathlib.Path(root) / name).read_bytes()), np.uint8, offset=header)

    return read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1), read("t10k-labels-idx1-ubyte.gz", 8).astype(np.int32)


def gluon_loaders(mx, data, labels):
    """{row: loader} of mixnet or MXNet."""
    gluon, transforms = mx.gluon, mx.gluon.data.vision.transforms
    dataset = gluon.data.ArrayDataset(mx.nd.array(data, dtype="uint8"), labels)
    tail = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    rows = {"plain": tail, "flip": [transforms.RandomFlipLeftRight(), *tail]}
    options = {} if mx.__name__ == "mixnet" else {"thread_pool": False}
    return {
        row: gluon.data.DataLoader(dataset.transform_first(transforms.Compose(steps)), BATCH, shuffle=True, num_workers=WORKERS, **options)
        for row, steps in rows.items()
    }


def torch_loaders(torch, data, labels):
    """{row: loader} of PyTorch."""

    def tail(picture):
        x = torch.from_numpy(picture.transpose(2, 0, 1)).contiguous().to(torch.float32).div(255)
        return x.sub_(mean).div_(std)

    def flip(picture):
        return tail(picture[:, ::-1].copy() if torch.rand(1).item() < 0.5 else picture)

    class Pictures(torch.utils.data.Dataset):
        def __init__(self, transform):
            self.transform = transform

        def __len__(self):
            return len(data)

        def __getitem__(self, idx):
            return self.transform(data[idx]), int(labels[idx])

    mean, std = torch.tensor([MEAN]).view(-1, 1, 1), torch.tensor([STD]).view(-1, 1, 1)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    options = {"persistent_workers": True} if WORKERS else {}
    return {
        row: torch.utils.data.DataLoader(Pictures(transform), BATCH, shuffle=True, num_workers=WORKERS, **options)
        for row, transform in (("plain", tail), ("flip", flip))
    }


def main():
    package = importlib.import_module(KIND)
    data, labels = pictures(os.environ["FASHION_MNIST"])
    loaders = (torch_loaders if KIND == "torch" else gluon_loaders)(package, data, labels)
    print(json.dumps({"version": package.__version__}), flush=True)
    for line in sys.stdin:
        loader = loaders[json.loads(line)["do"]]
        begin, batches, total = time.perf_counter(), 0, 0.0
        for x, y in loader:
            batches += 1
            total += float(x[0, 0, 14, 14]) if KIND == "torch" else 0.0
            assert tuple(x.shape[1:]) == (1, 28, 28) and len(x) == len(y)
        if KIND != "torch":
            package.nd.waitall()
        print(json.dumps({"seconds": time.perf_counter() - begin, "batches": batches}), flush=True)


if __name__ == "__main__":
    main()
