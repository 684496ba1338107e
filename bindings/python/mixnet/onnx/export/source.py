"""A symbol as nodes with shapes and dtypes.

Shapes hold an int per extent, a name where the extent is that of an input declared dynamic, and None where it changes with such an input in
another way. Both come from two inferences with different values for the dynamic extents: what differs is dynamic.
"""

import ast
import json

from ...base import DTYPE_NAMES, DTYPES, MXNetError, TextList, check, ffi, lib, shapes
from ...symbol import load_json

# Loss layers: what they need beside their first input only matters for gradients.
LOSSES = {"SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput", "SVMOutput", "IdentityAttachKLSparseReg"}
_PROBES = (101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179)


class Node:
    """One operator: typed access to its parameters, and what is known of its inputs and outputs."""

    def __init__(self, content):
        self.op, self.name = content["op"], content["name"]
        self.attrs = content.get("attrs", {})
        self.entries = [tuple(entry[:2]) for entry in content["inputs"]]
        self.inputs, self.in_shapes, self.in_types, self.in_values = [], [], [], []
        self.sources, self.out_shapes, self.out_types = [], [], []

    def get(self, key, default=None):
        """A parameter as a Python value; texts that are no literals stay texts; `default` for None."""
        raw = self.attrs.get(key)
        if raw is None or raw == "None":
            return default
        try:
            return ast.literal_eval(raw)
        except (ValueError, SyntaxError):
            return raw

    def number(self, key, default=None):
        """A parameter as a float."""
        raw = self.attrs.get(key)
        return default if raw in (None, "None") else float(raw)

    def ints(self, key, default=()):
        """A parameter as a tuple; a single number is a tuple of one."""
        value = self.get(key, default)
        return tuple(value) if isinstance(value, (tuple, list)) else (value,)

    def flag(self, key):
        """A parameter as a bool."""
        return self.attrs.get(key) in ("True", "1")

    def rank(self, index=0):
        """Number of axes of an input."""
        return len(self.in_shapes[index])

    def axis(self, key="axis", default=-1, rank=None):
        """An axis parameter, counted from the front."""
        rank = self.rank() if rank is None else rank
        return self.get(key, default) % max(rank, 1)


class Source:
    """The nodes of a symbol that its outputs need, in order, and its inputs."""

    def __init__(self, symbol, params):
        content = json.loads(symbol.tojson(remove_amp_cast=False))
        self.content, self.params = content, params
        self.nodes = [Node(node) for node in content["nodes"]]
        self.heads = [tuple(entry[:2]) for entry in content["heads"]]
        self.output_names = symbol.list_outputs()
        self.needed = self._needed()
        variables = [node.name for index, node in enumerate(self.nodes) if node.op == "null"]
        used = {self.nodes[i].name for i in self.needed}
        self.inputs = [name for name in variables if name in used and name not in params]
        self.labels = [name for name in variables if name not in used and name not in params]

    def _needed(self):
        """Nodes behind the outputs, without what only loss layers read."""
        seen, waiting = set(), [n for n, _ in self.heads]
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            node = self.nodes[index]
            waiting.extend(n for n, _ in (node.entries[:1] if node.op in LOSSES else node.entries))
        return sorted(seen)

    def infer(self, in_shapes, in_types, dynamic):
        """Fills in shapes and dtypes. in_shapes, in_types: by input name; dynamic: {(input, axis): name}."""
        everything = load_json(json.dumps({**self.content, "heads": self._entries()}))
        types = self._infer_types(everything, in_types)
        first = self._infer_shapes(everything, in_shapes)
        second, probes = first, {}
        if dynamic:
            names = sorted(set(dynamic.values()))
            if len(names) > len(_PROBES):
                raise MXNetError(f"[export_model] dynamic_input_shapes: expected at most {len(_PROBES)} dynamic extents, got {len(names)}")
            probes = dict(zip(_PROBES, names))
            value = {name: probe for probe, name in probes.items()}
            probed = {k: tuple(value[dynamic[k, i]] if (k, i) in dynamic else s for i, s in enumerate(shape)) for k, shape in in_shapes.items()}
            second = self._infer_shapes(everything, probed)
        merged = [tuple(a if a == b else probes.get(b) for a, b in zip(one, two)) for one, two in zip(first, second)]
        at = 0
        for index, node in enumerate(self.nodes):
            count = self._counts[index]
            node.out_shapes, node.out_types = merged[at : at + count], types[at : at + count]
            at += count
            node.in_shapes = [self.nodes[n].out_shapes[i] for n, i in node.entries]
            node.in_types = [self.nodes[n].out_types[i] for n, i in node.entries]
            node.sources = [self.nodes[n] for n, _ in node.entries]
            node.in_values = [self.params.get(self.nodes[n].name) if self.nodes[n].op == "null" else None for n, _ in node.entries]

    def _entries(self):
        pointers = self.content["node_row_ptr"]
        self._counts = [after - before for before, after in zip(pointers, pointers[1:])]
        return [[n, i, 0] for n, count in enumerate(self._counts) for i in range(count)]

    def _infer_shapes(self, everything, in_shapes):
        given = {name: value.shape for name, value in self.params.items()}
        given.update(in_shapes)
        known = set(everything.list_inputs())
        given = {name: shape for name, shape in given.items() if name in known}
        names = TextList(list(given))
        ndims = ffi.new("int32_t[]", [len(s) for s in given.values()] or [0])
        dims = ffi.new("int64_t[]", [s for shape in given.values() for s in shape] or [0])
        out = [ffi.new("mxn_shapes_t **") for _ in range(3)]
        complete = ffi.new("int32_t *")
        check(lib.mxn_symbol_infer_shape(everything.handle, names.pointer, ndims, dims, len(given), *out, complete))
        return self._complete([shapes(o[0]) for o in out][1], lambda s: s is not None and min(s, default=0) >= 0, "shape")

    def _infer_types(self, everything, in_types):
        given = {name: value._dtype for name, value in self.params.items()}
        given.update(in_types)
        known = set(everything.list_inputs())
        given = {name: dtype for name, dtype in given.items() if name in known}
        names = TextList(list(given))
        codes = ffi.new("int32_t[]", [DTYPES[dtype] for dtype in given.values()] or [0])
        out = [ffi.new("mxn_shapes_t **") for _ in range(3)]
        complete = ffi.new("int32_t *")
        check(lib.mxn_symbol_infer_type(everything.handle, names.pointer, codes, len(given), *out, complete))
        found = [shapes(o[0]) for o in out][1]
        found = [DTYPE_NAMES.get(code) for code in (found[0] if found else ())]
        return self._complete(found, lambda t: t is not None, "dtype")

    def _complete(self, found, good, what):
        at = 0
        for index, node in enumerate(self.nodes):
            for value in found[at : at + self._counts[index]]:
                if index in self.needed and not good(value):
                    raise MXNetError(f"[export_model] {node.op} {node.name}: its {what} does not follow from the inputs; give more in in_shapes")
            at += self._counts[index]
        return [value if good(value) else (() if what == "shape" else "float32") for value in found]
