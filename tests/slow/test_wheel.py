"""`pip install .` into a fresh environment gives a package that needs nothing of the checkout and computes with oneDNN."""

import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()
PROGRAM = """
import mixnet as mx

assert mx.nd.ones((2, 3)).asnumpy().sum() == 6
image, weight = mx.nd.ones((1, 3, 8, 8)), mx.nd.ones((4, 3, 3, 3))
out = mx.nd.Convolution(image, weight, kernel=(3, 3), num_filter=4, no_bias=True)
assert out.shape == (1, 4, 6, 6) and (out.asnumpy() == 27).all()
net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2), name="softmax")
module = mx.mod.Module(net)
module.fit(mx.io.NDArrayIter(mx.nd.ones((8, 3)), mx.nd.zeros((8,)), 4), num_epoch=1)
square = mx.nd.full((4, 4, 3), 7, dtype="uint8")
for ext in (".jpg", ".png"):
    assert (mx.nd._cvimdecode(mx.nd._cvimencode(square, ext=ext)).asnumpy() == 7).all()
libraries = {line.split()[-1] for line in open("/proc/self/maps") if "libjpeg" in line or "libpng" in line}
assert len(libraries) == 2 and all(mx.__path__[0] in library for library in libraries), libraries
print("version", mx.__version__)
print("from", mx.__file__)
"""


def run(*command, **kwargs):
    """Output of a command that must succeed and that knows nothing of the checkout's environment."""
    hidden = ("PYTHONPATH", "LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH", "VIRTUAL_ENV", "MIXNET_NATIVE")
    env = {k: v for k, v in os.environ.items() if k not in hidden} | {"CMAKE_BUILD_PARALLEL_LEVEL": "2", **kwargs.pop("env", {})}
    result = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, **kwargs)
    assert result.returncode == 0, f"{command}: {result.stdout[-6000:]}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps", "-w", folder, ROOT)
    return next(folder.glob("mixnet-*.whl"))


def test_the_wheel_holds_each_library_once(wheel):
    names = [pathlib.PurePosixPath(name).name for name in zipfile.ZipFile(wheel).namelist()]
    assert len([n for n in names if n.startswith("libmixnet.so")]) == 1
    assert len([n for n in names if n.startswith("libdnnl.so")]) == 1
    assert len([n for n in names if n.startswith("_mixnet.")]) == 1
    assert {"libmixnet_codec.so", "libjpeg.so.62", "libpng16.so.16"} <= set(names) and names.count("copyright") == 2
    assert "THIRD-PARTY-PROGRAMS" in names and names.count("LICENSE") == 2


def test_a_fresh_environment(wheel, tmp_path):
    run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel)
    (tmp_path / "program.py").write_text(PROGRAM)
    output = run(python, tmp_path / "program.py", cwd=tmp_path, env={"DNNL_VERBOSE": "1"})
    assert f"version {VERSION}" in output
    assert f"from {tmp_path}" in output
    assert [line for line in output.splitlines() if "exec" in line and "convolution" in line], output
    table = run(tmp_path / "env" / "bin" / "mixnet", "profile", "--out", tmp_path / "trace.json", tmp_path / "program.py", cwd=tmp_path)
    assert "Profile Statistics" in table and "SoftmaxOutput" in table and (tmp_path / "trace.json").exists()
