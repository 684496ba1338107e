"""Names of the C ABI and of operators as Go writes them."""

KEYWORDS = {"break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "go", "goto", "if", "import"}
KEYWORDS |= {"interface", "map", "package", "range", "return", "select", "struct", "switch", "type", "var", "len", "string", "error", "any", "cap", "copy"}


def camel(name):
    """BroadcastAdd of broadcast_add; an operator whose name begins with _ is Internal..."""
    words = "".join(word[:1].upper() + word[1:] for word in name.split("_") if word)
    return "Internal" + words if name.startswith("_") else words


def exported(name):
    """NdarrayCreate of mxn_ndarray_create, Ndarray of mxn_ndarray_t, ErrorShape of MXN_ERROR_SHAPE."""
    name = name.lower()
    name = name[4:] if name.startswith("mxn_") else name
    return camel(name[:-2] if name.endswith("_t") else name)


def local(name):
    """outArray of out_array; no keyword and none of the names that the generated code uses."""
    first, *others = [word for word in name.split("_") if word]
    joined = first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in others)
    return joined + "_" if joined in KEYWORDS else joined


def comment(text, indent=""):
    """Lines of a Go comment."""
    return "".join(f"{indent}// {line}".rstrip() + "\n" for line in text.splitlines())


def aligned(pairs, indent="\t", middle=""):
    """Lines "name type" of a block, in columns as gofmt has them."""
    width = max(len(name) for name, _ in pairs)
    return "".join(f"{indent}{name:<{width}} {middle}{value}\n" for name, value in pairs)
