"""mixnet im2rec: lists and packed files as MXNet 1.9.1's tool writes them, faults, runs that go on, the command line."""

import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

import mixnet as mx
import numpy as np
import pytest
from mixnet import im2rec, image_list, recordio
from mixnet.__main__ import main

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "records"
MAGIC = (0xCED7230A).to_bytes(4, "little")
# What MXNet 1.9.1's tool writes for the files of `plants`, with --recursive --train-ratio 0.5 --test-ratio 0.25.
TEST = "4\t1.000000\tplants/trees/t1.jpeg\n0\t0.000000\tplants/p0.PNG\n"
TRAIN = "5\t1.000000\tplants/trees/t2.jpeg\n8\t2.000000\ttools/t2.jpg\n6\t2.000000\ttools/t0.jpg\n1\t0.000000\tplants/p1.PNG\n"
VAL = "3\t1.000000\tplants/trees/t0.jpeg\n7\t2.000000\ttools/t1.jpg\n2\t0.000000\tplants/p2.PNG\n"


@pytest.fixture
def plants(tmp_path):
    root = tmp_path / "images"
    for folder, name in (("tools", "t{}.jpg"), ("plants", "p{}.PNG"), ("plants/trees", "t{}.jpeg"), ("plants", "note{}.txt"), ("empty", "")):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for i in range(3 if name else 0):
            (root / folder / name.format(i)).write_text(f"{folder} {i}")
    return root


def test_lists(plants, tmp_path, capsys):
    prefix = tmp_path / "x"
    main(["im2rec", "--list", "--recursive", "--train-ratio", "0.5", "--test-ratio", "0.25", str(prefix), str(plants)])
    assert capsys.readouterr().out.splitlines()[:3] == ["plants 0", "plants/trees 1", "tools 2"]
    assert (tmp_path / "x_test.lst").read_text() == TEST
    assert (tmp_path / "x_train.lst").read_text() == TRAIN
    assert (tmp_path / "x_val.lst").read_text() == VAL
    main(["im2rec", "--list", "--no-shuffle", "--exts", ".txt", "--chunks", "2", str(prefix), str(plants / "plants")])
    assert (tmp_path / "x_0.lst").read_text() == "0\t0.000000\tnote0.txt\n1\t0.000000\tnote1.txt\n"
    assert (tmp_path / "x_1.lst").read_text() == "2\t0.000000\tnote2.txt\n"
    assert not list(tmp_path.glob("*.unfinished"))


def test_lists_that_cannot_be(plants, tmp_path):
    for options, what in (
        ({"root": tmp_path / "nowhere"}, "expected a folder, got .*nowhere"),
        ({"extensions": [".gif"]}, "expected files with the extensions .gif, got none"),
        ({"train_ratio": 0.8, "test_ratio": 0.4}, "a sum of at most 1, got 0.8 and 0.4"),
        ({"chunks": 0}, "--chunks: expected at least 1, got 0"),
    ):
        with pytest.raises(mx.MXNetError, match=what):
            im2rec.make_lists(tmp_path / "x", **{"root": plants, "recursive": True, **options})
    (plants / "a\tb.jpg").touch()
    with pytest.raises(mx.MXNetError, match=r"without tabs and line ends, got 'a\\tb.jpg'"):
        im2rec.make_lists(tmp_path / "x", plants)
    assert not list(tmp_path.glob("x*"))


def write_golden_files(folder):
    """What tools/golden/records.py packed."""
    lines = []
    for i in (3, 0, 5, 1, 4, 2):
        (folder / f"file {i}").write_bytes((MAGIC + b"file" * i) * i + b"x" * (i + 1))
        labels = [i * 0.1, -1.5, 1e10][: i % 3 + 1]
        lines.append("\t".join([str(i), *(f"{label:f}" for label in labels), f"file {i}"]) + "\n")
    (folder / "x.lst").write_text("".join(lines))


@pytest.mark.parametrize("threads", [1, 3])
def test_byte_for_byte_as_mxnet(tmp_path, threads):
    write_golden_files(tmp_path)
    report = im2rec.pack_list(tmp_path / "x.lst", tmp_path, pass_through=True, pack_label=True, threads=threads)
    assert (tmp_path / "x.rec").read_bytes() == (GOLDEN / "packed.rec").read_bytes()
    assert (tmp_path / "x.idx").read_bytes() == (GOLDEN / "packed.idx").read_bytes()
    assert report == {"total": 6, "done": 6, "packed": 6, "resumed": 0, "skipped": 0, "bytes": (GOLDEN / "packed.rec").stat().st_size, "faults": []}


def png(height, width):
    header = recordio.IRHeader(0, 0, 0, 0)
    return recordio.pack_img(header, np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3), 1, ".png")[24:]


def test_smaller_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(png(60, 90))
    (tmp_path / "x.lst").write_text("7\t3\ta.png\n")
    main(["im2rec", "--resize", "20", "--encoding", ".png", "--quality", "3", str(tmp_path / "x"), str(tmp_path)])
    header, image = recordio.unpack_img(recordio.MXRecordIO(tmp_path / "x.rec", "r").read())
    assert header == (0, 3, 7, 0) and image.shape == (20, 30, 3)
    main(["im2rec", "--center-crop", "--color", "0", str(tmp_path / "x"), str(tmp_path)])
    assert recordio.unpack_img(recordio.MXRecordIO(tmp_path / "x.rec", "r").read())[1].shape == (60, 60)


def test_faults_are_told(tmp_path, capsys):
    (tmp_path / "good.png").write_bytes(png(8, 8))
    (tmp_path / "half.png").write_bytes(png(8, 8)[:-40])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "x.lst").write_text("1\t0\tgood.png\n2\t0\thalf.png\n3\t0\ttext.jpg\n4\t0\tnone.jpg\nfive\t0\tgood.png\n6\t0\tgood.png\n")
    main(["im2rec", str(tmp_path / "x"), str(tmp_path)])
    said = capsys.readouterr()
    assert f"{tmp_path}/x.rec: 2 images of 6 packed, 4 skipped" in said.out
    lines = said.err.splitlines()
    bad = [f" line {n}, id {n}, {tmp_path}/{name}" for n, name in ((2, "half.png"), (3, "text.jpg"), (4, "none.jpg"))]
    assert [line.split(":")[1] for line in lines] == [*bad, " line 5, five\t0\tgood.png"]
    assert "No such file" in lines[2] and "expected an integer of at least 0 as id, got 'five'" in lines[3]
    with recordio.MXIndexedRecordIO(tmp_path / "x.idx", tmp_path / "x.rec", "r") as file:
        assert file.keys == [1, 6]
    report = im2rec.pack_list(tmp_path / "x.lst", tmp_path, pass_through=True)
    assert report["packed"] == 4 and report["skipped"] == 2  # bytes as they are, whatever they are
    assert im2rec.pack_list(tmp_path / "x.lst", tmp_path, pass_through=True, check=True)["packed"] == 2


def many(folder, count=3000):
    (folder / "f").write_bytes(b"picture" * 1000)
    (folder / "x.lst").write_text("".join(f"{i}\t{i}\tf\n" for i in range(count)))


def test_goes_on(tmp_path):
    many(tmp_path)
    arguments = (tmp_path / "x.lst", tmp_path)
    im2rec.pack_list(*arguments, pass_through=True)
    whole = [(tmp_path / name).read_bytes() for name in ("x.rec", "x.idx")]

    def stop(done, total):
        assert total == 3000
        if done == 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        im2rec.pack_list(*arguments, progress=stop, pass_through=True)
    assert 0 < (tmp_path / "x.rec").stat().st_size < len(whole[0])
    report = im2rec.pack_list(*arguments, pass_through=True, resume=True)
    assert report["resumed"] == 1000 and report["packed"] == 3000
    assert [(tmp_path / name).read_bytes() for name in ("x.rec", "x.idx")] == whole


def test_goes_on_after_it_was_killed(tmp_path):
    many(tmp_path, 20000)
    command = [sys.executable, "-m", "mixnet", "im2rec", "--pass-through", "--resume", str(tmp_path / "x"), str(tmp_path)]
    process = subprocess.Popen(command)
    record = tmp_path / "x.rec"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (record.exists() and record.stat().st_size > 30_000_000):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    report = im2rec.pack_list(tmp_path / "x.lst", tmp_path, pass_through=True, resume=True)
    assert report["packed"] == 20000 and report["resumed"] > 1000
    with recordio.MXIndexedRecordIO(tmp_path / "x.idx", record, "r") as file:
        assert file.keys == list(range(20000))
        assert recordio.unpack(file.read_idx(19999))[1] == b"picture" * 1000


def test_shares(tmp_path, capsys):
    many(tmp_path, 100)
    for part in range(3):
        main(["im2rec", "--pass-through", "--nsplit", "3", "--part", str(part), str(tmp_path / "x"), str(tmp_path)])
    ids = [recordio.unpack(record)[0].id for i in range(3) for record in recordio.MXRecordIO(tmp_path / f"x.part{i:03d}.rec", "r")]
    assert ids == list(range(100))
    assert "x.part001.rec: 33 images of 33 packed" in capsys.readouterr().out


def test_names_of_any_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / name).write_bytes(b"x")
    image_list.write_list(tmp_path / "x.lst", [(0, name, 1), (1, name + "2", 1)])
    report = im2rec.pack_list(tmp_path / "x.lst", tmp_path, pass_through=True)
    assert report["packed"] == 1 and report["faults"][0]["path"] == f"{tmp_path}/{name}2"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--quality", "0"], "[im2rec] quality: expected 1 to 100, got 0"),
        (["--part", "1"], "[im2rec] part: expected 0 to 0, got 1"),
        (["--list", "--chunks", "0"], "[im2rec] --chunks: expected at least 1, got 0"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, arguments, what):
    many(tmp_path, 1)
    (tmp_path / "y.jpg").touch()
    with pytest.raises(SystemExit) as ended:
        main(["im2rec", *arguments, str(tmp_path / "x"), str(tmp_path)])
    assert ended.value.code == what
    with pytest.raises(SystemExit, match="expected lists whose names begin so, got none"):
        main(["im2rec", str(tmp_path / "z"), str(tmp_path)])


def test_progress(tmp_path, capsys):
    many(tmp_path, 25000)
    (tmp_path / "f").write_bytes(b"x")
    main(["im2rec", "--pass-through", str(tmp_path / "x"), str(tmp_path)])
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(",")[0] for line in lines] == ["x: 10,000 of 25,000", "x: 20,000 of 25,000"]
    ours, theirs = pty.openpty()
    with open(theirs, "w") as terminal:
        bar = im2rec.Progress("x", terminal)
        for done in (0, 5, 10):
            bar._drawn = 0
            bar(done, 10)
        bar.end()
        said = ""
        while not said.endswith("\n"):  # a terminal gives what it has
            said += os.read(ours, 10000).decode()
    os.close(ours)
    assert "x [..............................] 0/10" in said and "[###############...............] 5/10" in said
    assert "[##############################] 10/10" in said and said.endswith("\n")
