"""Sphinx's settings. The pages under docs/generated are written by `make gen`; the Python API is read from the built package."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

project = "mixnet"
author = "the mixnet authors"
release = version = (ROOT / "VERSION").read_text().strip()
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"mixnet {release}"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"


def escaped(line):
    """Prose of a docstring as reStructuredText: `code` becomes ``code``, and nothing else is markup."""
    pieces = re.split(r"(``.+?``|`[^`]+`)", line)
    for i, piece in enumerate(pieces):
        if i % 2:
            pieces[i] = f"``{piece.strip('`')}``"
        else:
            pieces[i] = re.sub(r"([*|\\`]|_\b)", r"\\\1", piece)
    return "".join(pieces)


def plain_docstring(app, what, name, obj, options, lines):
    """Docstrings are prose: a paragraph with indented lines is shown as it was typed, any other is filled."""
    paragraphs, result = re.split(r"\n\s*\n", "\n".join(lines).strip()), []
    for paragraph in paragraphs:
        text = paragraph.split("\n")
        if any(line.startswith((" ", "-")) for line in text):
            result += ["::", "", *("    " + line for line in text), ""]
        else:
            result += [*map(escaped, text), ""]
    lines[:] = result


def setup(app):
    app.connect("autodoc-process-docstring", plain_docstring)
