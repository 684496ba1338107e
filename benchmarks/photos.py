"""Pictures like photographs for the benchmarks of data: smooth fields of colour, edges and noise, JPEG of 500 x 375 and about 100 KB.

make(folder) writes photo00000.jpg, ... and photos.lst, packed with their labels into photos.rec and photos.idx, unless they are there.
"""

import pathlib

import numpy as np

HEIGHT, WIDTH, QUALITY = 375, 500, 95
FIELD = 1024  # pixels of the fields' sides, a power of two


def _field(draws, octaves=(4, 8, 16, 32, 64, 128, 256, 512)):
    """Noise of all sizes, as hills and clouds have: about normal, the larger the stronger."""
    total = np.zeros((FIELD, FIELD), np.float32)
    for cells in octaves:
        grid = draws.normal(size=(cells, cells)).astype(np.float32)
        place = np.arange(FIELD, dtype=np.float32) * cells / FIELD
        low, part = place.astype(int), place % 1
        high = (low + 1) % cells
        rows = grid[low] * (1 - part[:, None]) + grid[high] * part[:, None]
        total += (rows[:, low] * (1 - part) + rows[:, high] * part) * cells**-0.55
    return total / total.std()


class Photos:
    """picture(i) is the same on every machine: rows x columns x (blue, green, red), uint8."""

    def __init__(self, seed=0):
        draws = np.random.default_rng(seed)
        self._seed, self._fields = seed, [_field(draws) for _ in range(6)]
        self._noise = draws.normal(size=(FIELD, FIELD)).astype(np.float32)

    def _cut(self, draws, field):
        top, left = draws.integers(0, FIELD - HEIGHT), draws.integers(0, FIELD - WIDTH)
        return field[top : top + HEIGHT, left : left + WIDTH]

    def picture(self, number):
        draws = np.random.default_rng([self._seed, number])
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        light = 35 * self._cut(draws, self._fields[0])
        for _ in range(draws.integers(6, 14)):  # things with sharp edges
            across, down, bow = draws.normal(size=3)
            side = across * (x - draws.uniform(0, WIDTH)) + down * (y - draws.uniform(0, HEIGHT)) + bow * 25 * self._cut(draws, self._fields[1]) > 0
            light += side * draws.normal() * 18
        light = 85 * np.tanh(light / 85)
        light += draws.uniform(10, 19) * self._cut(draws, self._noise) * (self._cut(draws, self._fields[2]) > -0.5)
        colours = [light + draws.uniform(105, 145) + 18 * self._cut(draws, field) + 2 * self._cut(draws, self._noise) for field in self._fields[3:]]
        return np.clip(np.stack(colours, axis=2), 0, 255).astype(np.uint8)


def listed(prefix):
    """What a side of a benchmark is told: records, and paths and labels of the same images."""
    prefix = pathlib.Path(prefix)
    fields = [line.split("\t") for line in prefix.with_suffix(".lst").read_text().splitlines()]
    paths, labels = [str(prefix.parent / path) for _, _, path in fields], [float(label) for _, label, _ in fields]
    return {"records": str(prefix.with_suffix(".rec")), "paths": paths, "labels": labels}


def make(folder, count=2000, seed=0):
    """Path of the records without `.rec`."""
    import mixnet as mx
    from mixnet import im2rec

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    prefix = folder / f"photos{count}"
    if prefix.with_suffix(".idx").exists():
        return prefix
    photos, lines = Photos(seed), []
    for i in range(count):
        name = f"photo{i:05d}.jpg"
        header = mx.recordio.IRHeader(0, i % 1000, i, 0)
        (folder / name).write_bytes(mx.recordio.pack_img(header, photos.picture(i), quality=QUALITY)[24:])
        lines.append(f"{i}\t{i % 1000}\t{name}\n")
    prefix.with_suffix(".lst").write_text("".join(lines))
    im2rec.pack_list(prefix.with_suffix(".lst"), folder, pass_through=True)
    return prefix
