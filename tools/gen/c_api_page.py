"""The documentation's page of the C API, from the comments of the headers under include/mixnet."""

import pathlib

from interface import header


def signature(function):
    """The declaration as a line of C."""
    listed = ", ".join(f"{p.type}{'' if p.type.endswith('*') else ' '}{p.name}" for p in function.parameters) or "void"
    return f"{function.returns}{'' if function.returns.endswith('*') else ' '}{function.name}({listed})"


def page(functions):
    """Markdown: one section per noun, one entry per function with its tags as a list."""
    parts, noun = ["# C API\n\nEverything a binding may include is `mixnet/c_api.h`; a predictor needs only `mixnet/c_predict.h`, which it includes.\n"], None
    for function in functions:
        if function.noun != noun:
            noun = function.noun
            parts.append(f"## {noun}\n")
        items = "\n".join(f"- {name}: {text}".rstrip(": ") for name, text in function.tags.items())
        parts.append(f"### {function.name}\n\n```c\n{signature(function)};\n```\n\n{function.doc.replace('*', chr(92) + '*')}\n\n{items}\n")
    return "\n".join(parts)


def files():
    return {pathlib.Path("docs/generated/c_api.md"): page(header.parse().functions)}
