"""`make docs` builds every page without a warning, with operators, the Python API and the C API on them."""

import html
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPECTED = {
    "generated/operators.html": ["Convolution", "num_filter", "SoftmaxOutput"],
    "generated/python_api.html": ["mixnet.ndarray.ndarray", "save_checkpoint", "memory_estimate"],
    "generated/c_api.html": ["mxn_ndarray_create", "threads: any"],
    "guide/operator.html": ["register_ops", "OpBuilder"],
    "guide/c_program.html": ["mxn_op_invoke"],
}


def test_docs():
    result = subprocess.run(["make", "docs"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-6000:]
    for page, words in EXPECTED.items():
        text = html.unescape(re.sub(r"<[^>]+>", "", (ROOT / "docs" / "_build" / "html" / page).read_text()))
        assert [word for word in words if word not in text] == [], page
