"""The C ABI as data: constants, structs, handles, callbacks and functions of the headers under include/mixnet.

The headers are plain C99 in the form that clang-format leaves; whatever does not fit the few patterns below is an error, so that
nothing is left out in silence.
"""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
HEADERS = ("c_predict.h", "c_api.h")
TAGS = ("own", "threads", "blocks", "since")


@dataclasses.dataclass(frozen=True)
class Variable:
    """A parameter or a member: its name, its type without the name ("const char *const *"), and its length when it is an array."""

    name: str
    type: str
    length: int = 0

    @property
    def base(self):
        """The type without const and stars: "char", "int64_t", "mxn_symbol_t"."""
        return self.type.replace("const", "").replace("*", "").strip()

    @property
    def stars(self):
        """How many pointers stand between the name and a value."""
        return self.type.count("*")

    @property
    def out(self):
        """Whether a function writes through it: by the ABI's rule such names begin with out_."""
        return self.name.startswith("out_")


@dataclasses.dataclass(frozen=True)
class Struct:
    name: str
    members: tuple


@dataclasses.dataclass(frozen=True)
class Function:
    """A function or a callback type. `doc` has no tags; `tags` maps own, threads, blocks, since to their texts."""

    name: str
    returns: str
    parameters: tuple
    doc: str
    tags: dict

    @property
    def noun(self):
        """ "ndarray" of mxn_ndarray_create."""
        return self.name.split("_")[1]

    @property
    def checked(self):
        """Whether what it returns is 0 or an error's code, to be turned into the language's error."""
        return self.returns == "int32_t" and "Returns" not in self.doc


@dataclasses.dataclass(frozen=True)
class Header:
    """constants: {name: value}; handles: opaque struct names, without _t's content; callbacks and functions in the header's order."""

    constants: dict
    handles: tuple
    structs: tuple
    callbacks: tuple
    functions: tuple

    def functions_of(self, noun):
        return [f for f in self.functions if f.noun == noun]


def text():
    """Both headers, c_predict.h first, without preprocessor lines."""
    whole = "\n".join((ROOT / "include" / "mixnet" / name).read_text() for name in HEADERS)
    return "\n".join(line for line in whole.split("\n") if not line.startswith(("#", 'extern "C" {')))


def _variable(declaration):
    match = re.fullmatch(r"(.*?)(\w+)(?:\[(\d+)\])?", " ".join(declaration.split()))
    if not match:
        raise SystemExit(f"[header] cannot read {declaration!r}")
    return Variable(match[2], match[1].strip(), int(match[3] or 0))


def _members(body):
    """Members of a struct; `int64_t a, b;` declares two."""
    found = []
    for declaration in re.sub(r"/\*.*?\*/", "", body, flags=re.S).split(";"):
        if declaration.strip():
            first, *others = declaration.split(",")
            found.append(_variable(first))
            found += [Variable(other.strip(), found[-1].type) for other in others]
    return tuple(found)


def _parameters(listed):
    return () if listed.strip() in ("", "void") else tuple(_variable(p) for p in listed.split(","))


def _comment(raw):
    lines = " ".join(re.sub(r"^\s*\* ?", "", raw.strip(), flags=re.M).split())
    doc, *tags = re.split(rf"\s*@(?=(?:{'|'.join(TAGS)})\b)", lines)
    return doc, {tag.split(" ", 1)[0]: (tag.split(" ", 1) + [""])[1] for tag in tags}


def _constants(source):
    found = {}
    for body in re.findall(r"enum \{(.*?)\};", source, flags=re.S):
        for name, value in re.findall(r"(\w+)\s*=\s*(-?\d+)", body):
            found[name] = int(value)
    return found


def _functions(source):
    pattern = r"/\*\*((?:(?!\*/).)*)\*/\s*MXN_API\s+([^;]*);"
    found = []
    for raw, declaration in re.findall(pattern, source, flags=re.S):
        declaration = " ".join(declaration.split())
        match = re.fullmatch(r"(.*?)\b(mxn_\w+)\((.*)\)", declaration)
        doc, tags = _comment(raw)
        if not match or set(tags) != set(TAGS):
            raise SystemExit(f"[header] cannot read {declaration!r} and its tags {sorted(tags)}")
        found.append(Function(match[2], match[1].strip(), _parameters(match[3]), doc, tags))
    if len(found) != len(re.findall(r"^MXN_API\b", source, flags=re.M)):
        raise SystemExit("[header] some MXN_API has no /** comment right before it")
    return tuple(found)


def parse(source=None):
    """The Header of a text, or of the library's headers."""
    source = text() if source is None else source
    structs = tuple(Struct(name, _members(body)) for body, name in re.findall(r"typedef struct \{(.*?)\n\} (\w+);", source, flags=re.S))
    handles = tuple(re.findall(r"typedef struct \w+ (\w+);", source))
    callbacks = tuple(
        Function(name, returns, _parameters(listed), "", {}) for returns, name, listed in re.findall(r"typedef (\w+) \(\*(\w+)\)\((.*?)\);", source, flags=re.S)
    )
    if len(callbacks) != len(re.findall(r"^typedef .*\(\*", source, flags=re.M)):
        raise SystemExit("[header] cannot read some callback's type")
    return Header(_constants(source), handles, structs, callbacks, _functions(source))
