"""100,000 damaged ONNX models, in processes whose memory is bounded: every one imports and runs, or ends in one line.

The run that stands in tests/fuzz/RECORD.md was made with these seeds.
"""

import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "python" / "onnx_mutation.py"


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_damaged_models(seed, tmp_path):
    result = subprocess.run([sys.executable, PROGRAM, "10000", str(seed), tmp_path / "model"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    assert "10000 damaged models, 0 findings" in result.stdout
