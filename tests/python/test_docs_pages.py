"""The documentation hangs together: every page is reached from the index, links and paths name what is there, and counts are true."""

import fnmatch
import json
import pathlib
import re
import subprocess
import sys

import pytest
from mixnet import base

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if not {"_build", "generated"} & set(page.relative_to(DOCS).parts))
TREE = re.compile(r"^```\{toctree\}\n(.*?)^```", flags=re.S | re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = "benchmarks bindings docs examples include src tests tools"
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS.split())})/[\w./*-]+)`")
MADE = re.compile(r"docs/(_build|generated)|benchmarks/results|bindings/python/mixnet_native")
PROSE = [*PAGES, *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"))]


def entries(page):
    """The pages that the page's trees name; a name may have wildcards."""
    lines = [line for tree in TREE.findall(page.read_text()) for line in tree.splitlines() if line and not line.startswith(":")]
    names = [(page.parent / f"{line}.md").relative_to(DOCS).as_posix() for line in lines]
    return [p for p in PAGES for name in names if fnmatch.fnmatch(p.relative_to(DOCS).as_posix(), name)]


def test_every_page_is_reached_from_the_index():
    reached, ahead = set(), [DOCS / "index.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            ahead += entries(page)
    assert len(reached) > 40
    assert [page.name for page in PAGES if page not in reached] == []


@pytest.mark.parametrize("page", PROSE, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_links_and_paths_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    links = [link.split("#")[0] for link in LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    lost = [link for link in links if "generated/" not in link and not (page.parent / link).exists()]
    lost += [path for path in PATH.findall(text) if not MADE.match(path) and not exists(path)]
    assert lost == []


def exists(path):
    """Whether a file or folder of that name is there; capitals stand for anything, an ending may be left out."""
    pattern = re.sub(r"[A-Z]{3,}", "*", path.rstrip("/"))
    return any(ROOT.glob(pattern)) or any(ROOT.glob(pattern + ".*"))


def test_counts_on_the_pages_are_true(tmp_path):
    program = (ROOT / "examples" / "predictor" / "predict.c").read_text()
    assert "a C program of 60 lines" in (DOCS / "guide" / "predictor.md").read_text() and program.count("\n") <= 60
    subprocess.run([sys.executable, ROOT / "tools" / "amalgamate.py", "--out", tmp_path], check=True, stdout=subprocess.DEVNULL)
    said = int(re.search(r"about (\d+),000 lines", (DOCS / "guide" / "predictor.md").read_text())[1]) * 1000
    assert abs((tmp_path / "mixnet_predict.cc").read_text().count("\n") - said) < 2000
    said = int(re.search(r"^(\d+) operators", (ROOT / "README.md").read_text(), flags=re.M)[1])
    assert said == operators()


def operators():
    """Operators that users see."""
    out = base.ffi.new("char **")
    base.check(base.lib.mxn_op_schemas(out))
    return sum(not op["hidden"] for op in json.loads(base.text(out[0])))


def test_every_setting_of_the_readme_is_on_the_page():
    readme = (ROOT / "README.md").read_text()
    table = readme[readme.index("## Settings") :]
    page = (DOCS / "guide" / "environment.md").read_text()
    names = re.findall(r"MIXNET_[A-Z_]+", table)
    assert len(names) > 10 and [name for name in names if f"`{name}`" not in page] == []
