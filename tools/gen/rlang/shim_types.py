"""How the C types of parameters become R's: the statements before and after the call of one function.

A number that only says how long a list is (count, num_..., ndim, bytes) is taken from the list. Lists that stand together are
checked to be equally long, and extents (dims, shapes) to be as many as ndims add up to.
"""

import dataclasses
import re

from interface import header as headers

COUNT = re.compile(r"count|num_\w+|ndim|bytes")
SCALARS = {"int32_t": "(int32_t)mixnet_int", "int64_t": "mixnet_int", "uint64_t": "(uint64_t)mixnet_int", "double": "mixnet_real"}
CALLBACKS = {"mxn_task_fn": "mixnet_task", "mxn_updater_fn": "mixnet_updater", "mxn_monitor_fn": "mixnet_monitor", "mxn_custom_fn": "mixnet_custom"}
PARSED = headers.parse()


class Unknown(Exception):
    """A parameter that fits no rule."""


@dataclasses.dataclass
class Plan:
    """taken: names of the R arguments; passed: C arguments; before, after: statements; result: what is returned."""

    taken: list = dataclasses.field(default_factory=list)
    passed: list = dataclasses.field(default_factory=list)
    before: list = dataclasses.field(default_factory=list)
    after: list = dataclasses.field(default_factory=list)
    outs: list = dataclasses.field(default_factory=list)
    result: str = "R_NilValue"
    waits: bool = False
    owned: bool = False  # the first argument is a handle, which callbacks belong to
    protected: int = 0

    def take(self, name, c_type, conversion):
        self.taken.append(name)
        self.before.append(f"{c_type}c_{name} = {conversion};")
        self.passed.append(f"c_{name}")

    def out(self, name, declaration, passed, value):
        self.before.append(declaration)
        self.passed.append(passed)
        self.outs.append((name.removeprefix("out_"), value))


def noun_of(base):
    return base.removeprefix("mxn_").removesuffix("_t")


def handle_class(base):
    """The S3 class of a noun's handles: MXNDArray, MXSymbol, MXKVStoreHandle, ..."""
    noun = noun_of(base)
    known = {"ndarray": "MXNDArray", "symbol": "MXSymbol"}
    return known.get(noun, "MX" + "".join(part.capitalize() for part in noun.split("_")) + "Handle")


def list_of(plan, p):
    """A list: texts, handles or numbers."""
    if p.base == "char" and p.stars == 2:
        plan.take(p.name, "const char *const *", f"mixnet_texts({p.name})")
    elif p.base in PARSED.handles and p.stars == 2 and "const" in p.type:
        plan.take(p.name, f"{p.base} *const *", f'({p.base} *const *)mixnet_handles({p.name}, "{handle_class(p.base)}")')
    elif p.stars == 1 and p.base in ("int32_t", "int64_t"):
        short = "ints32" if p.base == "int32_t" else "ints64"
        plan.take(p.name, f"const {p.base} *", f"mixnet_{short}({p.name})")
    elif p.stars == 1 and p.base == "double":
        plan.take(p.name, "const double *", f"mixnet_reals({p.name})")
    else:
        return False
    return True


def count_of(plan, p, lists):
    """A count from the lists before it."""
    if not lists:
        return False
    extents = [q for q in lists if q.base == "int64_t" and q.name in ("dims", "shapes")]
    plan.before += [f"mixnet_same_sum(ndims, {q.name});" for q in extents]
    counted = [q.name for q in lists if q not in extents]
    plan.passed.append(f"({p.base})mixnet_count({len(counted)}, {', '.join(counted)})")
    return True


def out_struct(plan, p):
    """A struct that the library fills, as a named list."""
    struct = next(s for s in PARSED.structs if s.name == p.base)
    members = [m for m in struct.members if m.name not in ("struct_size", "reserved") and not (m.stars and m.base != "char")]
    plan.before.append(f"{p.base} c_{p.name};")
    plan.before.append(f"memset(&c_{p.name}, 0, sizeof c_{p.name});")
    if struct.members[0].name == "struct_size":
        plan.before.append(f"c_{p.name}.struct_size = sizeof c_{p.name};")
    plan.passed.append(f"&c_{p.name}")
    names = ", ".join(f'"{m.name}"' for m in members)
    plan.after.append(f"static const char *NAMES_{p.name}[] = {{{names}}};")
    plan.after.append(f"SEXP filled = PROTECT(mixnet_list({len(members)}, NAMES_{p.name}));")
    plan.protected += 1
    for i, m in enumerate(members):
        value = f"c_{p.name}.{m.name}"
        if m.length:
            made = f"mixnet_extents(c_{p.name}.ndim, {value})"
        elif m.base == "char":
            made = f"mixnet_string({value})"
        else:
            made = f"Rf_ScalarReal((double){value})"
        plan.after.append(f"SET_VECTOR_ELT(filled, {i}, {made});")
    plan.outs.append((p.name.removeprefix("out_"), "filled"))


def out_parameter(plan, p, following):
    """Something the library writes. Says whether the next parameter was used up too."""
    if p.base in PARSED.handles and p.stars == 3 and following is not None and following.name == "out_count":
        plan.before.append(f"{p.base} **c_{p.name} = NULL;")
        plan.before.append("int64_t c_out_count = 0;")
        plan.passed += [f"&c_{p.name}", "&c_out_count"]
        plan.outs.append((p.name.removeprefix("out_"), f"mixnet_take_arrays(c_{p.name}, c_out_count)"))
        return True
    if p.base == "char" and p.stars == 2:
        plan.out(p.name, f"char *c_{p.name} = NULL;", f"&c_{p.name}", f"mixnet_take_text(c_{p.name})")
    elif p.base in ("mxn_strings_t", "mxn_shapes_t") and p.stars == 2:
        plan.out(p.name, f"{p.base} *c_{p.name} = NULL;", f"&c_{p.name}", f"mixnet_take_{noun_of(p.base)}(c_{p.name})")
    elif p.base in PARSED.handles and p.stars == 2 and "const" not in p.type:
        plan.before.append(f"SEXP r_{p.name} = PROTECT(mixnet_make_{noun_of(p.base)}());")
        plan.protected += 1
        plan.out(p.name, f"{p.base} *c_{p.name} = NULL;", f"&c_{p.name}", f"mixnet_filled(r_{p.name}, c_{p.name})")
    elif p.stars == 1 and p.base in SCALARS:
        plan.out(p.name, f"{p.base} c_{p.name} = 0;", f"&c_{p.name}", f"Rf_ScalarReal((double)c_{p.name})")
    elif p.stars == 1 and any(s.name == p.base for s in PARSED.structs):
        out_struct(plan, p)
    else:
        raise Unknown(f"{p.type} {p.name} fits no rule")
    return False


def in_parameter(plan, p, following):
    """One value that the caller gives. Says how many parameters after it were used up."""
    names = [q.name for q in following[:2]]
    if p.base in CALLBACKS and names == ["user", "destroy"]:
        plan.taken.append(p.name)
        owner = plan.taken[0] if plan.owned else "R_NilValue"
        plan.before.append(f"void *c_user = mixnet_keep({owner}, {p.name});")
        plan.passed += [f"c_user ? {CALLBACKS[p.base]} : NULL", "c_user", "c_user ? mixnet_release : NULL"]
        return 2
    if p.type == "const void *" and names[:1] == ["bytes"]:
        plan.taken.append(p.name)
        plan.passed += [f"mixnet_bytes({p.name})", f"(int64_t)XLENGTH({p.name})"]
        return 1
    if p.base == "mxn_wait_t":
        plan.taken.append(p.name)
        plan.passed.append("&patience.slice")
        plan.waits = True
    elif p.base == "char" and p.stars == 1:
        plan.take(p.name, "const char *", f"mixnet_text({p.name})")
    elif p.base in PARSED.handles and p.stars == 1:
        plan.owned = plan.owned or not plan.taken
        plan.take(p.name, f"{p.base} *", f'({p.base} *)mixnet_handle({p.name}, "{handle_class(p.base)}")')
    elif p.stars == 0 and p.base in SCALARS:
        plan.take(p.name, p.base + " ", f'{SCALARS[p.base]}({p.name}, "{p.name}")')
    else:
        raise Unknown(f"{p.type} {p.name} fits no rule")
    return 0


def finish(plan, function):
    """The statements that make the result."""
    if function.returns == "const char *":
        plan.outs.append(("returned", "mixnet_string(returned)"))
    elif not function.checked and function.returns != "void":
        plan.outs.append(("returned", "Rf_ScalarReal((double)returned)"))
    if len(plan.outs) == 1:
        plan.after.append(f"SEXP result = PROTECT({plan.outs[0][1]});")
    elif plan.outs:
        names = ", ".join(f'"{name}"' for name, _ in plan.outs)
        plan.after.append(f"static const char *NAMES[] = {{{names}}};")
        plan.after.append(f"SEXP result = PROTECT(mixnet_list({len(plan.outs)}, NAMES));")
        plan.after += [f"SET_VECTOR_ELT(result, {i}, {value});" for i, (_, value) in enumerate(plan.outs)]
    if plan.outs:
        plan.result = "result"
        plan.protected += 1
    if plan.protected:
        plan.after.append(f"UNPROTECT({plan.protected});")


def plan(function):
    """The Plan of a function. Raises Unknown where a parameter fits no rule."""
    made, lists = Plan(), []
    parameters = list(function.parameters)
    while parameters:
        p = parameters.pop(0)
        if p.out:
            if out_parameter(made, p, parameters[0] if parameters else None):
                parameters.pop(0)
        elif COUNT.fullmatch(p.name) and p.stars == 0 and count_of(made, p, lists):
            lists = []
        elif list_of(made, p):
            lists.append(p)
        else:
            for _ in range(in_parameter(made, p, parameters)):
                parameters.pop(0)
            lists = []
    finish(made, function)
    return made
