"""The Python examples of every page of the documentation run in order, and print what the page says."""

import contextlib
import pathlib
import re

import mixnet as mx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [page for folder in ("", "guide", "howto") for page in sorted((ROOT / "docs" / folder).glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", flags=re.S | re.M)
EXAMPLES = {page: BLOCK.findall(page.read_text()) for page in PAGES}
SETTING = re.compile(r'environment_(?:int|bool|string)\("([A-Z_]+)"')


def test_most_guides_have_examples():
    assert sum(bool(blocks) for blocks in EXAMPLES.values()) >= 20


@pytest.mark.parametrize("page", [p for p in PAGES if EXAMPLES[p]], ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_examples(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for number, (code, output) in enumerate(EXAMPLES[page], 1):
        exec(compile(code, f"{page.name} example {number}", "exec"), names)
        assert capsys.readouterr().out == output, f"{page.name} example {number}"
    # The page on errors makes one; waitall would raise it in a later test.
    with contextlib.suppress(mx.MXNetError):
        mx.waitall()


def test_every_setting_is_documented():
    sources = [path.read_text() for path in (ROOT / "src").rglob("*.cc")]
    settings = {name for text in sources for name in SETTING.findall(text)}
    page = (ROOT / "docs" / "guide" / "environment.md").read_text()
    assert len(settings) >= 10
    assert [name for name in sorted(settings) if f"_{name}`" not in page] == []
