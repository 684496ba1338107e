"""Every Python example of README.md runs as it stands."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.S)


def test_there_are_examples():
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_example(number, capsys):
    exec(compile(BLOCKS[number], f"README.md example {number}", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out.strip()
