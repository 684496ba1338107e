"""One function of the header, seen from Go: each parameter, or group of parameters that belong together, as a Part.

A Part knows its Go parameter, its Go result, its parameters in the C glue, and how values pass through. What it does not know is an
error, so that a new form in the header is noticed.
"""

import dataclasses

from .names import exported, local

NUMBERS = {"int32_t": "int32", "int64_t": "int64", "uint64_t": "uint64", "double": "float64", "size_t": "uint64"}


@dataclasses.dataclass(frozen=True)
class Part:
    """before: Go statements ahead of the call; passed: Go's arguments of the glue; glue: C parameters of the glue; handed: C arguments of the library;
    ahead: C statements ahead of the library's call; after: Go statements behind it."""

    parameter: str = ""
    result: str = ""
    before: tuple = ()
    passed: tuple = ()
    glue: tuple = ()
    ahead: tuple = ()
    handed: tuple = ()
    after: tuple = ()


def declared(type_, name):
    return f"{type_}{name}" if type_.endswith("*") else f"{type_} {name}"


class Reader:
    """Turns functions into lists of Parts; knows the handles and structs of a Header."""

    def __init__(self, header):
        self.handles = set(header.handles)
        self.structs = {struct.name: struct for struct in header.structs}

    def pointed(self, struct):
        """Whether a struct is given by its members, because some point to texts or vectors."""
        return any(m.stars and m.base not in self.handles for m in struct.members)

    def parts(self, function):
        listed, found = list(function.parameters), []
        while listed:
            taken = self.group(listed) or (self.single(listed[0]), 1)
            found.append(taken[0])
            del listed[: taken[1]]
        return found

    def group(self, listed):
        """(Part, number of parameters) for those that only make sense together, or None."""
        first, names = listed[0], [v.name for v in listed[:3]]
        if first.base == "mxn_arg_t":
            return self.arguments(first, listed[1]), 2
        if first.type.endswith("_fn") and names[1:] == ["user", "destroy"]:
            return self.callback(first.type), 3
        if names[:2] == ["user", "destroy"]:
            return self.callback(None), 2
        return None

    def arguments(self, args, count):
        glue = (f"const mxn_go_arg *{args.name}", f"int32_t {count.name}", "const char *arg_texts", "const int64_t *arg_ints", "const double *arg_reals")
        name = local(args.name)
        passed = (f"{name}.first()", f"{name}.count()", f"{name}.textBytes()", f"{name}.intValues()", f"{name}.realValues()")
        ahead = (
            f"mxn_arg_t resolved[{count.name} > 0 ? {count.name} : 1];",
            f"mxn_go_resolve({args.name}, {count.name}, arg_texts, arg_ints, arg_reals, resolved);",
        )
        return Part(f"{name} *Args", "", (), passed, glue, ahead, ("resolved", count.name))

    def callback(self, type_):
        kind = exported(type_) if type_ else "func()"
        name = "fn" if type_ else "release"
        handed = (f"user ? mxn_go_{type_[4:-3]} : NULL",) if type_ else ()
        before = (f"user := register({name}, {name} == nil)",)
        return Part(f"{name} {kind}", "", before, ("user",), ("uintptr_t user",), (), (*handed, "(void *)user", "user ? mxn_go_destroy : NULL"))

    def single(self, v):
        struct = self.structs.get(v.base)
        if v.out:
            return self.output(v, struct)
        if struct and self.pointed(struct):
            return self.flattened(v, struct)
        return self.plain(v, v.type, v.name) or self.unknown(v)

    def members(self, struct):
        """Members of a struct of options, without its size and what is reserved."""
        return [m for m in struct.members if m.name not in ("struct_size", "reserved")]

    def member_types(self, struct):
        """(name, type) of the Go struct whose values flattened hands on."""
        return [(exported(m.name), self.member(m, "x").parameter.split(" ", 1)[1]) for m in self.members(struct)]

    def member(self, m, options):
        return self.plain(m, m.type, m.name, f"{options}.{exported(m.name)}") or self.unknown(m)

    def flattened(self, v, struct):
        """A struct of options, built on the C stack from the members of a Go struct."""
        members = self.members(struct)
        parts = [self.member(m, local(v.name)) for m in members]
        ahead = [f"{struct.name} {v.name};", f"memset(&{v.name}, 0, sizeof {v.name});", f"{v.name}.struct_size = sizeof {v.name};"]
        ahead += [f"{v.name}.{m.name} = {m.name};" for m in members]
        joined = {key: tuple(x for p in parts for x in getattr(p, key)) for key in ("before", "passed", "glue", "after")}
        return Part(f"{local(v.name)} {exported(struct.name)}T", "", ahead=tuple(ahead), handed=(f"&{v.name}",), **joined)

    def plain(self, v, type_, name, member=None):
        """A parameter that goes in as it is, or a member of Go's options, of which an empty text means NULL."""
        go, raw, glue = member or local(name), local(name), (declared(type_, name),)
        base, stars = v.base, v.stars
        same = {"glue": glue, "handed": (name,)}
        if stars == 0 and base in NUMBERS:
            return Part(f"{go} {NUMBERS[base]}", passed=(f"C.{base}({go})",), **same)
        if type_ == "const char *":
            return Part(f"{go} string", passed=(f"{'option' if member else 'text'}({go})",), **same)
        if type_ == "const char *const *":
            before = (f"{raw}C, {raw}Free := texts({go})", f"defer {raw}Free()")
            return Part(f"{go} []string", before=before, passed=(f"{raw}C",), **same)
        if base in ("void", "char") and stars == 1:
            cast = f"(*C.char)({go})" if base == "char" else go
            return Part(f"{go} unsafe.Pointer", passed=(cast,), **same)
        if base in NUMBERS and stars == 1:
            kind = "[]" if "const" in type_ else "*"
            value = f"first({go})" if kind == "[]" else go
            return Part(f"{go} {kind}{NUMBERS[base]}", passed=(f"(*C.{base})(unsafe.Pointer({value}))",), **same)
        if base in self.handles and stars == 1:
            return Part(f"{go} {exported(base)}", passed=(go,), **same)
        if base in self.handles and stars == 2:
            return Part(f"{go} []{exported(base)}", passed=(f"first({go})",), **same)
        if base in self.structs and stars == 1:
            before = (f"if {go} != nil {{", f"\t{go}.StructSize = uint64(unsafe.Sizeof(*{go}))", "}")
            return Part(f"{go} *{exported(base)}T", before=before, passed=(f"(*C.{base})(unsafe.Pointer({go}))",), **same)
        return None

    def output(self, v, struct):
        go, base, stars = local(v.name), v.base, v.stars
        glue = (declared(v.type, v.name),)
        same = {"glue": glue, "handed": (v.name,)}
        raw = go + "C"
        if struct:
            kind = exported(base) + "T"
            before = (f"{go}.StructSize = uint64(unsafe.Sizeof({go}))",)
            return Part("", f"{go} {kind}", before=before, passed=(f"(*C.{base})(unsafe.Pointer(&{go}))",), **same)
        if base == "char" and stars == 2:
            return Part("", f"{go} *string", (f"var {raw} *C.char",), (f"&{raw}",), after=(f"{go} = taken({raw})",), **same)
        if base in NUMBERS and stars == 1:
            return Part("", f"{go} {NUMBERS[base]}", passed=(f"(*C.{base})(unsafe.Pointer(&{go}))",), **same)
        if base in NUMBERS and stars == 2:
            return Part(
                "", f"{go} *{NUMBERS[base]}", (f"var {raw} *C.{base}",), (f"&{raw}",), after=(f"{go} = (*{NUMBERS[base]})(unsafe.Pointer({raw}))",), **same
            )
        if base == "void" and stars == 2:
            return Part("", f"{go} unsafe.Pointer", passed=(f"&{go}",), **same)
        if base in self.handles and stars == 2:
            return Part("", f"{go} {exported(base)}", passed=(f"&{go}",), **same)
        if base in self.handles and stars == 3:
            return Part("", f"{go} *{exported(base)}", passed=(f"&{go}",), **same)
        return self.unknown(v)

    def unknown(self, v):
        raise SystemExit(f"[go] cannot pass a parameter {v.type} {v.name}")
