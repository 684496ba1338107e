"""How operators and their parameters are called in R.

An operator `batch_dot` is mx.nd.batch_dot and mx.nd.batch.dot (mx.symbol likewise). A name that begins with _ loses it and
gets "internal.", but for _contrib_ and _image_, which become "contrib." and "image.". Functions written by hand under the
same name stand above generated ones.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "r"
RESERVED = {"repeat", "function", "if", "else", "for", "while", "next", "break", "in", "NULL", "NA", "TRUE", "FALSE", "Inf", "NaN"}
FAMILIES = ("contrib", "image")


def written():
    """Names defined at the top level of the R files that people wrote."""
    found = set()
    for file in sorted((PACKAGE / "R").glob("*.R")):
        if not file.name.startswith("gen-"):
            found |= set(re.findall(r"^`?([A-Za-z.][\w.<\[$-]*?)`? <- ", file.read_text(), flags=re.M))
    return found


def stem(name):
    """The part after "mx.nd." of an operator's name or alias."""
    if not name.startswith("_"):
        return name
    for family in FAMILIES:
        if name.startswith(f"_{family}_"):
            return f"{family}.{name[len(family) + 2 :]}"
    return "internal." + name.lstrip("_")


def spellings(op):
    """Every R name of an operator without its prefix: the first is the function, the others are the same under other names."""
    found = []
    for name in (op.name, *op.aliases):
        for spelled in (stem(name), stem(name).replace("_", ".")):
            if spelled not in found:
                found.append(spelled)
    return found


def quoted(name):
    """A parameter's name as R's grammar takes it."""
    return f"`{name}`" if name in RESERVED or not re.fullmatch(r"[A-Za-z.][\w.]*", name) else name
