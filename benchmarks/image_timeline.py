"""Whether training waits for its images: seconds that steps took and waited for data, and the profiler's timeline of both.

python benchmarks/image_timeline.py [--nets AlexNet GoogLeNet] [--batch 32] [--steps 20] [--threads 2] [--images 1000]
Images as in image_pipeline.py. Each step takes a batch, computes, updates and reads its outputs, as a loop with a metric does; so while it waits for a
batch, nothing computes. "decode": seconds of a batch when nothing else runs; "step": of a step on a batch that is there. Where decode is less than
step, wait should be about nothing. Timelines are written to benchmarks/results/image_timeline_NET.json (ui.perfetto.dev): `wait for data` and
`step` of the loop, and the iterator's threads beneath.
"""

import argparse
import pathlib
import tempfile
import time

import nets
import photos
import table

import mixnet as mx

WARM = 2  # steps until memory and caches are what they will be


def open_images(prefix, net, options):
    side = nets.ALL[net].image
    files = {"path_imgrec": f"{prefix}.rec", "batch_size": options.batch, "data_shape": (3, side, side)}
    return mx.io.ImageRecordIter(**files, resize=max(256, side), rand_crop=True, rand_mirror=True, scale=1 / 128, preprocess_threads=options.threads)


def take(images):
    """The next batch; the next epoch's first at an epoch's end."""
    try:
        return images.next()
    except StopIteration:
        images.reset()
        return images.next()


def decode_seconds(prefix, net, options):
    """Of a batch, alone."""
    images, count = open_images(prefix, net, options), 0
    begin = time.perf_counter()
    for batch in images:
        batch.data[0].wait_to_read()
        count += 1
    return (time.perf_counter() - begin) / count


class Training:
    """A net on batches of the iterator."""

    def __init__(self, net, options):
        self._module = mx.mod.Module(nets.ALL[net].make())
        self._module.bind([mx.io.DataDesc("data", nets.shape(net, options.batch))], [mx.io.DataDesc("softmax_label", (options.batch,))])
        self._module.init_params(mx.init.Xavier())
        self._module.init_optimizer(optimizer="sgd", optimizer_params={"learning_rate": 1e-4})

    def step(self, batch):
        self._module.forward_backward(batch)
        self._module.update()
        mx.nd.waitall()

    def seconds(self, batch, count=5):
        """Of a step, alone."""
        self.step(batch)
        begin = time.perf_counter()
        for _ in range(count):
            self.step(batch)
        return (time.perf_counter() - begin) / count


def run(training, images, steps):
    """(seconds of waiting, seconds of steps) while the profiler records."""
    loop, waited, stepped = mx.profiler.Domain("loop"), 0.0, 0.0
    for i in range(WARM + steps):
        if i == WARM:
            mx.profiler.set_state("run")
            waited = stepped = 0.0
        begin = time.perf_counter()
        with loop.new_task("wait for data"):
            batch = take(images)
            batch.data[0].wait_to_read()
        middle = time.perf_counter()
        with loop.new_task("step"):
            training.step(batch)
        waited, stepped = waited + middle - begin, stepped + time.perf_counter() - middle
    mx.profiler.set_state("stop")
    return waited, stepped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", nargs="+", default=["AlexNet", "GoogLeNet"], choices=list(nets.ALL))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--folder", help="keeps the pictures there for the next run (default: they are made anew)")
    options = parser.parse_args()
    table.FOLDER.mkdir(exist_ok=True)
    caption = f"Waiting for images: batches of {options.batch}, {options.threads} threads that decode, {options.steps} steps; seconds"
    out = table.Table("image_timeline", caption, ["net", "decode", "step", "all steps", "waited", "waited / all", "timeline"])
    with tempfile.TemporaryDirectory() as folder:
        prefix = photos.make(options.folder or folder, options.images)
        for net in options.nets:
            timeline = pathlib.Path(table.FOLDER) / f"image_timeline_{net}.json"
            mx.profiler.set_config(filename=str(timeline))
            decode, images, training = decode_seconds(prefix, net, options), open_images(prefix, net, options), Training(net, options)
            alone = training.seconds(take(images))
            waited, stepped = run(training, images, options.steps)
            mx.profiler.dump()
            out.add([net, f"{decode:.3f}", f"{alone:.3f}", f"{waited + stepped:.2f}", f"{waited:.4f}", f"{waited / (waited + stepped):.2%}", timeline.name])
    out.save()


if __name__ == "__main__":
    main()
