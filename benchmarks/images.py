"""Resizing beside OpenCV's, on one thread, in turns: 375 by 500 pixels to 256 by 341. Usage: images.py build/release/images_bench [rounds].

Needs opencv-python-headless in the environment that runs it. Prints the best time of each in microseconds and the ratio.
"""

import subprocess
import sys
import time

import cv2
import numpy as np

KINDS = {"nearest": 0, "bilinear": 1, "bicubic": 2, "area": 3, "lanczos4": 4}


def ours(program):
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split("\n")
    return {line.split()[0]: float(line.split()[1]) for line in lines if line}


def opencv(repeats=60):
    cv2.setNumThreads(1)
    image = np.random.RandomState(0).randint(0, 256, (375, 500, 3), dtype=np.uint8)
    best = dict.fromkeys(KINDS, 1e9)
    for kind, number in KINDS.items():
        for _ in range(repeats):
            start = time.perf_counter()
            cv2.resize(image, (341, 256), interpolation=number)
            best[kind] = min(best[kind], 1e6 * (time.perf_counter() - start))
    return best


def main(program, rounds=5):
    best = {}
    for _ in range(rounds):
        for who, times in (("mixnet", ours(program)), ("OpenCV", opencv())):
            for kind, t in times.items():
                best[who, kind] = min(t, best.get((who, kind), 1e9))
    print(f"OpenCV {cv2.__version__}")
    for kind in KINDS:
        us, theirs = best["mixnet", kind], best["OpenCV", kind]
        print(f"{kind:10} mixnet {us:6.0f} us, OpenCV {theirs:6.0f} us: {us / theirs:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
