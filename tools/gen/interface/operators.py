"""The library's operators as data. The library must be built."""

import dataclasses
import importlib.util
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "python" / "mixnet"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter of an operator. field: its position in the schema, as mxn_arg_t wants it. default: its text, None when required.

    type: int, float, boolean, string, dtype, enum, tuple, "tuple with None" or "float tuple".
    """

    name: str
    field: int
    type: str
    required: bool
    default: str
    choices: tuple
    doc: str

    @property
    def kind(self):
        """For people: "one of relu, tanh" or the type."""
        return "one of " + ", ".join(self.choices) if self.choices else self.type


@dataclasses.dataclass(frozen=True)
class Operator:
    """inputs: ((name, doc), ...), one for all when `variadic`, which names the parameter that counts them. mutates: inputs changed in place."""

    name: str
    aliases: tuple
    doc: str
    inputs: tuple
    variadic: str
    mutates: tuple
    parameters: tuple
    outputs: tuple
    differentiable: bool

    @property
    def input_names(self):
        return tuple(name for name, _ in self.inputs)

    @property
    def options(self):
        """The parameters that a caller may give: all but the count of a variadic operator's inputs."""
        return tuple(p for p in self.parameters if p.name != self.variadic)


def library_json(function):
    """What a function of the C ABI that gives JSON says."""
    # Only the bridge is loaded: the package itself needs what is generated.
    spec = importlib.util.spec_from_file_location("mixnet_base", PACKAGE / "base.py")
    base = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(base)
    out = base.ffi.new("char **")
    base.check(getattr(base.lib, function)(out))
    return json.loads(base.text(out[0]))


def schemas():
    """The JSON of the operators that bindings offer."""
    return [op for op in library_json("mxn_op_schemas") if not op["hidden"]]


def parameter(field, p):
    """A Parameter from its JSON."""
    return Parameter(p["name"], field, p["type"], p["required"], p.get("default"), tuple(p.get("choices", ())), p["doc"])


def operators():
    """Every public Operator, by name."""
    found = []
    for op in schemas():
        inputs = tuple((i["name"], i["doc"]) for i in op["inputs"])
        parameters = tuple(parameter(field, p) for field, p in enumerate(op["params"]))
        outputs = tuple(op["outputs"])
        found.append(
            Operator(op["name"], tuple(op["aliases"]), op["doc"], inputs, op["variadic"], tuple(op["mutates"]), parameters, outputs, op["differentiable"])
        )
    return found
