"""The documentation's page of the C API, from the comments of the headers under include/mixnet."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECTION = re.compile(r"mxn_([a-z]+)")


def functions(header):
    """[(name, signature, comment)] in the order of the header."""
    found = re.findall(r"/\*\*((?:(?!\*/).)*)\*/\s*MXN_API\s+([^;]*);", header, flags=re.S)
    lines = [(re.sub(r"^\s*\* ?", "", comment.strip(), flags=re.M), " ".join(text.split())) for comment, text in found]
    return [(re.search(r"\b(mxn_\w+)\(", text)[1], text, comment) for comment, text in lines]


def page(header):
    """Markdown: one section per noun, one entry per function with its tags as a list."""
    parts, noun = ["# C API\n\nEverything a binding may include is `mixnet/c_api.h`; a predictor needs only `mixnet/c_predict.h`, which it includes.\n"], None
    for name, signature, comment in functions(header):
        if SECTION.match(name)[1] != noun:
            noun = SECTION.match(name)[1]
            parts.append(f"## {noun}\n")
        text, *tags = re.split(r"\s*@(?=(?:own|threads|blocks|since)\b)", " ".join(comment.split()))
        items = "\n".join("- {}: {}".format(*(tag.split(" ", 1) + [""])[:2]).rstrip(": ") for tag in tags)
        parts.append(f"### {name}\n\n```c\n{signature};\n```\n\n{text.replace('*', chr(92) + '*')}\n\n{items}\n")
    return "\n".join(parts)


def files():
    return {pathlib.Path("docs/generated/c_api.md"): page("".join((ROOT / "include" / "mixnet" / name).read_text() for name in ("c_predict.h", "c_api.h")))}
