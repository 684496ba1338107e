"""The C programs under valgrind: no invalid access, nothing lost. With the portable kernels: valgrind does not know all that oneDNN's code uses."""

import gzip
import os
import pathlib
import struct
import subprocess

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPPRESSIONS = pathlib.Path(__file__).with_name("valgrind.supp")


def valgrind(*command):
    """Output of a program in which valgrind found nothing."""
    env = {**os.environ, "MIXNET_ONEDNN": "0", "OMP_WAIT_POLICY": "PASSIVE"}
    checks = ["--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible", "--error-exitcode=7", f"--suppressions={SUPPRESSIONS}"]
    result = subprocess.run(["valgrind", *checks, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    assert result.returncode == 0, result.stdout[-6000:]
    return result.stdout


@pytest.fixture(scope="module", autouse=True)
def toolchain():
    """valgrind, or the reason why not: a failure in CI."""
    result = subprocess.run(["bash", ROOT / "tools" / "toolchains" / "cpp.sh"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 3 and not os.environ.get("CI"):
        pytest.skip(f"no toolchain: {result.stdout.strip()}")
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """100 random images for training and 100 for the test, as idx files."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.RandomState(0)
    for part in ("train", "t10k"):
        pixels, labels = random.randint(0, 256, (100, 28, 28)), random.randint(0, 10, 100)
        for kind, header, values in (("images-idx3", (0x803, 100, 28, 28), pixels), ("labels-idx1", (0x801, 100), labels)):
            with gzip.open(folder / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(struct.pack(f">{len(header)}I", *header) + values.astype(np.uint8).tobytes())
    return folder


def test_mlp():
    assert "definitely lost: 0 bytes" in valgrind(ROOT / "build" / "release" / "c_mlp")


def test_lenet(images, tmp_path):
    subprocess.run(["cmake", "--build", str(ROOT / "build" / "release"), "--target", "train_lenet_c"], check=True, stdout=subprocess.DEVNULL)
    output = valgrind(ROOT / "build" / "release" / "train_lenet_c", "--data", images, "--epochs", "1", "--prefix", tmp_path / "lenet")
    assert "definitely lost: 0 bytes" in output and "epoch=1 loss=" in output
