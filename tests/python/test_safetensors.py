"""mixnet.safetensors: every dtype both ways, against the package's own numpy functions, names, sharing, and files that are wrong."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest

from safetensors import numpy as theirs

import mixnet as mx
from mixnet import safetensors as st
from mutating import survives

DTYPES = ["float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"]


def values(dtype, shape=(3, 5)):
    return (np.arange(int(np.prod(shape))).reshape(shape) % 7 - (0 if dtype in ("uint8", "bool") else 3)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_ways(dtype, tmp_path):
    path = tmp_path / "a.safetensors"
    mx.nd.save(str(path), {"x": mx.nd.array(values(dtype), dtype=dtype), "arg:y": mx.nd.ones((2,))})
    read = theirs.load_file(path)
    assert read["x"].dtype == dtype and (read["x"] == values(dtype)).all() and set(read) == {"x", "arg:y"}
    theirs.save_file({"z": values(dtype), "empty": values(dtype, (0, 4)), "one": values(dtype, (1,))}, path)
    ours = mx.nd.load(str(path))
    assert ours["z"].dtype == np.dtype(dtype).type and (ours["z"].asnumpy() == values(dtype)).all()
    assert ours["empty"].shape == (0, 4) and ours["one"].asnumpy().tolist() == values(dtype, (1,)).tolist()


def test_bfloat16_keeps_its_bits(tmp_path):
    path = str(tmp_path / "b.safetensors")
    source = mx.nd.array([1.0, -2.5, 3.140625, 1e30, float("inf")]).astype("bfloat16")
    mx.nd.save(path, {"w": source})
    content = (tmp_path / "b.safetensors").read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    assert json.loads(content[8 : 8 + size])["w"]["dtype"] == "BF16"
    assert content[8 + size :] == (source.asnumpy().view("uint32") >> 16).astype("<u2").tobytes()
    again = mx.nd.load(path)["w"]
    assert again.dtype == "bfloat16" and (again.asnumpy() == source.asnumpy()).all()


def test_metadata(tmp_path):
    path = tmp_path / "m.safetensors"
    st.save(path, {"w": mx.nd.ones((2, 2))}, {"format": "mixnet", "epoch": "3"})
    assert st.metadata(path) == {"format": "mixnet", "epoch": "3"}
    with pytest.raises(TypeError, match="metadata: expected texts"):
        st.save(path, {}, {"epoch": 3})


def test_loaded_arrays_are_writable_and_apart_from_the_file(tmp_path):
    path = tmp_path / "w.safetensors"
    theirs.save_file({"w": values("float32", (64, 64))}, path)
    before = path.read_bytes()
    loaded = mx.nd.load(str(path))["w"]
    loaded[:] = 5
    assert (loaded + 1).asnumpy().min() == 6 and path.read_bytes() == before


def test_loading_copies_nothing(tmp_path):
    path = tmp_path / "z.safetensors"
    theirs.save_file({name: values("float32", (16, 16)) for name in ("a", "bc", "def")}, path)
    loaded = mx.nd.load(str(path))
    mapped = [line.split()[0].split("-") for line in open("/proc/self/maps") if line.rstrip().endswith(str(path))]
    for array in loaded.values():
        address = np.from_dlpack(array).ctypes.data
        assert any(int(begin, 16) <= address < int(end, 16) for begin, end in mapped)
        assert (array.asnumpy() == values("float32", (16, 16))).all()


def test_a_file_may_be_replaced_while_its_arrays_live(tmp_path):
    path = str(tmp_path / "r.safetensors")
    mx.nd.save(path, {"w": mx.nd.ones((512, 512))})
    loaded = mx.nd.load(path)["w"]
    mx.nd.save(path, {"w": mx.nd.zeros((2,))})
    assert loaded.asnumpy().min() == 1 and mx.nd.load(path)["w"].shape == (2,) and len(list(tmp_path.iterdir())) == 1


def _module(tmp_path):
    net = mx.sym.BatchNorm(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc"), name="bn")
    module = mx.mod.Module(net, label_names=None)
    module.bind([("data", (2, 4))], for_training=False)
    module.init_params(mx.init.Uniform(1))
    return module


def test_modules_read_it_with_and_without_prefixes(tmp_path):
    module, path = _module(tmp_path), str(tmp_path / "net.safetensors")
    args, aux = ({name: value.copy() for name, value in group.items()} for group in module.get_params())
    module.save_params(path)
    assert {"arg:fc_weight", "aux:bn_moving_mean"} <= set(mx.nd.load(path))
    plain = str(tmp_path / "plain.safetensors")
    theirs.save_file({name: value.asnumpy() + 1 for name, value in {**args, **aux}.items()}, plain)
    for source, added in ((path, 0), (plain, 1)):
        module.load_params(source)
        for before, after in zip((args, aux), module.get_params()):
            for name in before:
                np.testing.assert_allclose(after[name].asnumpy(), before[name].asnumpy() + added, rtol=1e-6)


def test_errors_are_one_line(tmp_path):
    path = str(tmp_path / "x.safetensors")
    for wrong, words in (([mx.nd.ones(1)], "expected a dict"), (mx.nd.ones(1), "expected a dict")):
        with pytest.raises(mx.MXNetError, match=words):
            mx.nd.save(path, wrong)
    with pytest.raises(TypeError, match="x: expected an NDArray, got int"):
        mx.nd.save(path, {"x": 3})
    with pytest.raises(mx.MXNetError, match="expected a file"):
        mx.nd.load(path)
    theirs.save_file({"x": np.ones(3, "uint16")}, path)
    with pytest.raises(mx.MXNetError, match=r"x: expected a dtype among F64, .*, got U16"):
        mx.nd.load(path)
    with pytest.raises(mx.MXNetError) as error:
        mx.nd.save(str(tmp_path / "no" / "x.safetensors"), {"x": mx.nd.ones(1)})
    assert "\n" not in str(error.value)


def test_a_missing_package_is_named(tmp_path):
    code = """
import sys
sys.modules["safetensors"] = None
import mixnet as mx
try:
    mx.nd.load("x.safetensors")
except mx.MXNetError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[safetensors] package: expected the Python package safetensors to be installed (pip install safetensors)\n"


def sample(path):
    st.save(path, {"a": mx.nd.array(values("float32")), "b": mx.nd.ones((4,), dtype="bfloat16"), "c": mx.nd.ones((2, 2), dtype="int64")}, {"k": "v"})
    return path.read_bytes()


def test_mutated_files_end_in_one_line(tmp_path):
    path = tmp_path / "m.safetensors"
    content = sample(path)

    def read(broken):
        path.unlink()  # arrays of an earlier round may still map the old file
        path.write_bytes(broken)
        for array in mx.nd.load(str(path)).values():
            array.asnumpy()

    read_well = sum(survives(read, content, seed, mx.MXNetError) for seed in range(300))
    assert 0 < read_well < 250
