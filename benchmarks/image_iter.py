"""mx.image.ImageIter beside MXNet 1.9.1's: images per second, and processor time per image, from JPEGs of 500 by 375 pixels to augmented float32 batches
of 224 by 224, turn by turn.

Both run this file: `--side` reads the name of a setting per line and answers with two numbers. MXNet gets as many worker threads as there are cores.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BATCH, IMAGES = 32, 256
JITTER = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1, "pca_noise": 0.1, "rand_gray": 0.1}
SETTINGS = {
    "crop, mirror": {"rand_crop": True, "rand_mirror": True},
    "resize, crop, mirror, normalise": {"resize": 256, "rand_crop": True, "rand_mirror": True, "mean": True, "std": True},
    "random area, mirror, colours, normalise": {"rand_crop": True, "rand_resize": True, "rand_mirror": True, "mean": True, "std": True, **JITTER},
}


def write(folder):
    """A record file of drawn pictures with some noise, as photographs have."""
    import mixnet as mx
    import numpy as np
    from mixnet import recordio

    rng = np.random.RandomState(0)
    y, x, c = np.mgrid[0:375, 0:500, 0:3]
    with recordio.MXIndexedRecordIO(f"{folder}/images.idx", f"{folder}/images.rec", "w") as file:
        for key in range(IMAGES):
            period, phase = rng.uniform(9, 60, 2), rng.uniform(0, 7, 2)
            picture = 128 + 80 * np.sin(x / period[0] + c + phase[0]) * np.cos(y / period[1] + phase[1]) + rng.normal(0, 12, x.shape)
            data = mx.nd.array(np.clip(picture, 0, 255), dtype="uint8")
            jpeg = mx.nd._cvimencode(data, ext=".jpg", quality=90).asnumpy().tobytes()
            file.write_idx(key, recordio.pack(recordio.IRHeader(0, key, key, 0), jpeg))


def side(package, folder):
    mx = __import__(package)
    for name in map(str.strip, sys.stdin):
        paths = {"path_imgrec": f"{folder}/images.rec", "path_imgidx": f"{folder}/images.idx"}
        it = mx.image.ImageIter(BATCH, (3, 224, 224), shuffle=True, **paths, **SETTINGS[name])
        it.next()
        begin, worked, count = time.perf_counter(), time.process_time(), 0
        for batch in it:
            batch.data[0].wait_to_read()
            count += BATCH
        print("rate", count / (time.perf_counter() - begin), 1000 * (time.process_time() - worked) / count, flush=True)


def start(command, variables, package, folder):
    arguments = [*command, str(pathlib.Path(__file__)), "--side", package, folder]
    return subprocess.Popen(arguments, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def ask(process, name):
    process.stdin.write(name + "\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("rate "):
            return [float(value) for value in line.split()[1:]]
    raise RuntimeError(f"[image_iter] {name}: expected a rate, got the end of {process.args[0]} (status {process.wait()})")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--side", nargs=2, metavar=("PACKAGE", "FOLDER"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        return side(*given.side)
    sys.path.insert(0, str(ROOT / "tools"))
    import oracle

    command, variables = oracle.command()
    variables["MXNET_CPU_WORKER_NTHREADS"] = str(len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        write(folder)
        sides = {"mixnet": start([sys.executable], dict(os.environ), "mixnet", folder), "MXNet 1.9.1": start(command, variables, "mxnet", folder)}
        try:
            for name in SETTINGS:
                rates = {package: [] for package in sides}
                for _ in range(given.rounds):
                    for package, process in sides.items():
                        rates[package].append(ask(process, name))
                (ours, work), (theirs, their_work) = ([statistics.median(column) for column in zip(*values)] for values in rates.values())
                print(f"{name}: mixnet {ours:.0f} images/s, MXNet 1.9.1 {theirs:.0f}, {ours / theirs:.2f}x;", end=" ")
                print(f"processor {work:.1f} ms per image beside {their_work:.1f}, {their_work / work:.2f}x less", flush=True)
        finally:
            for process in sides.values():
                process.stdin.close()
                process.wait()


if __name__ == "__main__":
    main()
