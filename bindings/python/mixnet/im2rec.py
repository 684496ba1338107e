"""Images into records: the command `mixnet im2rec`, with the options of MXNet's tool, and pack_list behind it.

`im2rec --list --recursive PREFIX FOLDER` writes PREFIX.lst, `im2rec PREFIX FOLDER` packs every list whose name begins with PREFIX into .rec and .idx.
"""

import json
import os
import pathlib
import sys
import time

from .base import MXNetError, check, ffi, lib, register_callback
from .image_list import EXTENSIONS, make_lists

__all__ = ["make_lists", "pack_list"]

_EPILOG = """Without --list every list that begins with PREFIX is packed. What is no image, or not there, is told and left out; the exit code is 0 as
long as files could be written. --inter-method: 0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos, 9 what suits, and large JPEG are decoded smaller."""


def pack_list(list_file, root, prefix=None, progress=None, **options):
    """Packs the images of a list, whose paths are relative to `root`, into PREFIX.rec and PREFIX.idx (default: the list's name), in its order, on all cores.

    Options, by default 0 or False unless said: pass_through (the files' bytes as they are), check (decodes them nevertheless, to find broken ones), resize
    (pixels of the shorter side), center_crop (to a square, before), quality (95), encoding (".jpg" or ".png"), color (1: colour, 0: grey, -1: as the
    file has it), inter_method (1), pack_label (all labels of a line), label_width (1: so many of them), threads (0: as many as cores), part, parts
    (1: a share of the lines), resume (goes on behind the last whole record that is there). progress(done, total) is called now and then; what it raises ends
    the run in good order.

    Returns a dict: total, done (lines), packed, resumed, skipped (images), bytes, faults (a list of line, id, path and reason; at most 10,000). Raises
    MXNetError.
    """
    prefix = os.path.splitext(os.fspath(list_file))[0] if prefix is None else os.fspath(prefix)
    paths = {"list": os.fspath(list_file), "root": os.fspath(root), "record": f"{prefix}.rec", "index": f"{prefix}.idx"}
    text = json.dumps({**paths, **options}, ensure_ascii=False).encode("utf-8", "surrogateescape")
    done, total, report, raised = ffi.new("int64_t *"), ffi.new("int64_t *"), ffi.new("char **"), []

    def tell():
        try:
            if progress is not None:
                progress(done[0], total[0])
        except BaseException as error:  # noqa: B902 - Ctrl-C, too, comes here
            raised.append(error)
            raise

    code = lib.mxn_image_pack(text, lib.mixnet_py_task, register_callback(tell), lib.mixnet_py_destroy, done, total, report)
    if raised:
        raise raised[0]
    check(code)
    try:
        return json.loads(ffi.string(report[0]).decode("utf-8", "surrogateescape"))
    finally:
        lib.mxn_text_free(report[0])


class Progress:
    """A bar on a terminal; elsewhere a line for every 10,000 images."""

    EVERY, WIDTH = 10000, 30

    def __init__(self, name, file=None):
        self._name, self._file = name, file or sys.stderr
        self._bar = self._file.isatty()
        self._began, self._drawn, self._first, self._told = time.monotonic(), 0.0, None, 0

    def __call__(self, done, total):
        now = time.monotonic()
        if self._first is None:
            self._first, self._told = done, done
        if self._bar and (now - self._drawn > 0.1 or done == total):
            self._drawn = now
            full = self.WIDTH * done // max(1, total)
            self._file.write(f"\r{self._name} [{'#' * full}{'.' * (self.WIDTH - full)}] {done:,}/{total:,} {self._rate(done, now):.0f}/s ")
            self._file.flush()
        elif not self._bar and done // self.EVERY > self._told // self.EVERY:
            self._told = done
            print(f"{self._name}: {done:,} of {total:,}, {self._rate(done, now):.0f} a second", file=self._file, flush=True)

    def _rate(self, done, now):
        return (done - self._first) / max(now - self._began, 1e-9)

    def end(self):
        """Leaves the bar's line."""
        if self._bar and self._first is not None:
            print(file=self._file, flush=True)


def add_to(commands):
    """Adds the command to those of `mixnet`."""
    command = commands.add_parser("im2rec", help="write lists of images, pack images into records", epilog=_EPILOG)
    command.add_argument("prefix", help="of the files to read and write: PREFIX.lst, PREFIX.rec, PREFIX.idx")
    command.add_argument("root", help="the folder with the images")
    _add_list_options(command.add_argument_group("lists"))
    _add_image_options(command.add_argument_group("images"))
    _add_run_options(command.add_argument_group("the run"))
    command.set_defaults(run=run)


def _add_list_options(group):
    group.add_argument("--list", action="store_true", help="write lists, pack nothing")
    group.add_argument("--exts", nargs="+", default=list(EXTENSIONS), help="extensions of images (default: %(default)s)")
    group.add_argument("--chunks", type=int, default=1, help="lists to write (default: 1)")
    group.add_argument("--train-ratio", type=float, default=1.0, help="share of images to train on (default: 1)")
    group.add_argument("--test-ratio", type=float, default=0.0, help="share of images to test with (default: 0)")
    group.add_argument("--recursive", action="store_true", help="folders in the folder, too; each is a class")
    group.add_argument("--no-shuffle", action="store_true", help="keep the order of names")
    group.add_argument("--seed", type=int, default=100, help="of the shuffled order (default: 100, MXNet's)")


def _add_image_options(group):
    group.add_argument("--pass-through", action="store_true", help="pack files as they are")
    group.add_argument("--check", action="store_true", help="with --pass-through: decode them nevertheless, leave broken ones out")
    group.add_argument("--resize", type=int, default=0, metavar="N", help="make the shorter side N pixels")
    group.add_argument("--center-crop", action="store_true", help="cut a square out of the middle first")
    group.add_argument("--quality", type=int, default=95, help="of JPEG 1 to 100; compression of PNG 1 to 9 (default: 95)")
    group.add_argument("--color", type=int, default=1, choices=[-1, 0, 1], help="1: colour, 0: grey, -1: as the file has it (default: 1)")
    group.add_argument("--encoding", default=".jpg", choices=[".jpg", ".png"], help="default: .jpg")
    group.add_argument("--inter-method", type=int, default=1, choices=[0, 1, 2, 3, 4, 9], help="how to resize (default: 1)")
    group.add_argument("--pack-label", action="store_true", help="pack all labels of a line, not the first alone")
    group.add_argument("--label-width", type=int, default=1, metavar="N", help="pack the first N labels (default: 1)")


def _add_run_options(group):
    group.add_argument("--num-thread", type=int, default=0, metavar="N", help="default: as many as cores; the order is that of the list on any number")
    group.add_argument("--resume", action="store_true", help="go on with a run that ended early; the options must be the same")
    group.add_argument("--nsplit", type=int, default=1, metavar="N", help="pack one of N shares of each list, into PREFIX.partNNN.rec")
    group.add_argument("--part", type=int, default=0, metavar="I", help="which, from 0")


def run(options):
    """Writes lists or packs them; wrong arguments and files that cannot be written end the command with one line."""
    try:
        (_list if options.list else _pack)(options)
    except (MXNetError, OSError) as error:
        sys.exit(str(error) if isinstance(error, MXNetError) else f"[im2rec] {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit("\n[im2rec] interrupted; --resume goes on from here")


def _list(options):
    shares = {"train_ratio": options.train_ratio, "test_ratio": options.test_ratio, "chunks": options.chunks}
    written, classes = make_lists(options.prefix, options.root, options.recursive, options.exts, not options.no_shuffle, options.seed, **shares)
    if options.recursive:
        for folder, label in classes.items():
            print(folder, label)
    for path, count in written:
        print(f"{path}: {count:,} images")


def _lists(prefix):
    folder, name = os.path.split(prefix)
    found = sorted(path for path in pathlib.Path(folder or ".").glob("*.lst") if path.name.startswith(name))
    if not found:
        raise MXNetError(f"[im2rec] {prefix}: expected lists whose names begin so, got none; --list writes one")
    return found


def _pack(options):
    names = "pass_through check resize center_crop quality color encoding inter_method pack_label label_width resume part".split()
    fields = {name: getattr(options, name) for name in names}
    for path in _lists(options.prefix):
        prefix = str(path.with_suffix(f".part{options.part:03d}" if options.nsplit > 1 else ""))
        began, progress = time.monotonic(), Progress(os.path.basename(prefix))
        try:
            report = pack_list(path, options.root, prefix, progress, threads=options.num_thread, parts=options.nsplit, **fields)
        finally:
            progress.end()
        _tell(prefix, report, time.monotonic() - began)


def _tell(prefix, report, seconds):
    """Faults on stderr, the summary on stdout."""
    for fault in report["faults"]:
        name = f"id {fault['id']}, " if fault["id"] else ""
        print(f"skipped: line {fault['line']}, {name}{fault['path']}: {fault['reason']}".encode(errors="backslashreplace").decode(), file=sys.stderr)
    new = report["packed"] - report["resumed"]
    before = f", {report['resumed']:,} of them before" if report["resumed"] else ""
    print(
        f"{prefix}.rec: {report['packed']:,} images of {report['total']:,} packed{before}, {report['skipped']:,} skipped, "
        f"{report['bytes'] / 1e6:,.1f} MB, {seconds:.1f} s, {new / max(seconds, 1e-9):,.0f} a second",
        flush=True,
    )
