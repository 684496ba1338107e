"""Graph: walks the nodes of a model in their order and gives each to the function that the table has for it.

Values are kept by name in scopes; a subgraph sees those around it. A sequence is a list of values, an absent optional one is None.
A value goes when its last reader is done. Whatever a function raises becomes one line that names node, operator and opset.
"""

import collections
import inspect

import numpy as np
import onnx

from .dtypes import CODES
from .errors import NeedsValue, OnnxError
from .node import Node, tensor_value
from .table import find
from .value import OPEN, Value

HIGHEST_OPSET = 22
_DEPTH = 40
_MOVING = {"Cast", "Concat", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Unsqueeze"}
_DOMAINS = {"ai.onnx": ""}


class Graph:
    """A model that is being read into a builder."""

    def __init__(self, model, builder):
        self.builder, self.depth = builder, 0
        self.opsets = _opsets(model.opset_import)
        self.functions = {(f.domain, f.name): f for f in model.functions}

    def run(self, graph, scope):
        """The outputs of a graph, whose inputs stand in `scope`."""
        self.depth += 1
        if self.depth > _DEPTH:
            raise OnnxError(f"[onnx] graphs and functions are nested more than {_DEPTH} deep")
        try:
            with np.errstate(all="ignore"):
                self._initialise(graph, scope)
                self._walk(graph.node, scope, [o.name for o in graph.output])
            return [self.lookup(scope, o.name, "output") for o in graph.output]
        finally:
            self.depth -= 1

    def _initialise(self, graph, scope):
        if graph.sparse_initializer:
            raise OnnxError("[onnx] sparse initialisers are not supported")
        for tensor in graph.initializer:
            try:
                scope[tensor.name] = tensor_value(self.builder, tensor)
            except OnnxError as error:
                raise OnnxError(f"[onnx] initialiser {error}") from None

    def inner(self, scope):
        """A scope for a subgraph."""
        return collections.ChainMap({}, *scope.maps)

    def lookup(self, scope, name, role):
        """The value of a name; an error when no node before made it."""
        if name not in scope:
            raise OnnxError(f"[onnx] {role} '{name}': no input, initialiser or earlier node has this name")
        return scope[name]

    def _walk(self, nodes, scope, outputs):
        last = _last_readers(nodes)
        for name in outputs:
            last.pop(name, None)
        dying = collections.defaultdict(list)
        for name, index in last.items():
            dying[index].append(name)
        for index, proto in enumerate(nodes):
            self._step(proto, scope)
            for name in dying[index]:
                scope.maps[0].pop(name, None)

    def _step(self, proto, scope):
        domain = _DOMAINS.get(proto.domain, proto.domain)
        opset = self.opsets.get(domain)
        place = f"[onnx] node '{proto.name or next(iter(proto.output), '')}' {proto.op_type} (opset {opset})"
        previous, self.builder.label = self.builder.label, proto.name or next(iter(proto.output), "") or proto.op_type.lower()
        try:
            if opset is None:
                raise OnnxError(f"the model does not import the domain '{domain}'")
            inputs = [self.lookup(scope, name, "input") if name else None for name in proto.input]
            results = self._call(proto, domain, opset, inputs, scope)
            for name, result in zip(proto.output, results):
                if name:
                    scope.maps[0][name] = result
        except NeedsValue as error:
            raise NeedsValue(_line(place, error)) from None
        except Exception as error:  # whatever a damaged model makes a function stumble over
            raise OnnxError(_line(place, error)) from None
        finally:
            self.builder.label = previous

    def _call(self, proto, domain, opset, inputs, scope):
        function = self.functions.get((proto.domain, proto.op_type))
        if function is not None:
            return self._inline(function, proto, inputs)
        function = find(domain, proto.op_type, opset)
        if function is None:
            raise OnnxError(f"the operator is not supported{f' (domain {domain})' if domain else ''}")
        node = Node(proto, self, opset, scope)
        try:
            inspect.signature(function).bind(node, *inputs)
        except TypeError:
            raise OnnxError(f"inputs: got {len(inputs)}, a number that it does not take") from None
        partial = [i for i, value in enumerate(inputs) if is_tensor(value) and value.partial]
        if partial:
            _check_open(node, partial)
        results = function(node, *inputs)
        results = results if isinstance(results, tuple) else (results,)
        if partial and not (node.op == "Reshape" and partial == [1]):
            results[0].partial = bool((results[0].host() == OPEN).any())
        return results

    def _inline(self, function, proto, inputs):
        self.depth += 1
        if self.depth > _DEPTH:
            raise OnnxError(f"graphs and functions are nested more than {_DEPTH} deep")
        given = {a.name: a for a in proto.attribute}
        given.update({a.name: a for a in function.attribute_proto if a.name not in given})
        outer, self.opsets = self.opsets, _opsets(function.opset_import)
        try:
            scope = collections.ChainMap({name: value for name, value in zip(function.input, inputs)})
            self._walk([_bound(node, given) for node in function.node], scope, function.output)
            return tuple(self.lookup(scope, name, "output") for name in function.output)
        finally:
            self.opsets, self.depth = outer, self.depth - 1


def _opsets(imports):
    opsets = {_DOMAINS.get(o.domain, o.domain): o.version for o in imports}
    if opsets.get("", 1) > HIGHEST_OPSET:
        raise OnnxError(f"[onnx] opset {opsets['']}: expected one up to {HIGHEST_OPSET}")
    return opsets


def _line(place, error):
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    lines = [line for line in text.splitlines() if line.strip()] or [type(error).__name__]
    return lines[0] if lines[0].startswith("[onnx] node") else f"{place}: {lines[0].removeprefix('[onnx] ')}"


def _check_open(node, partial):
    """Extents that are open may be moved and given to Reshape; nothing can be computed with them."""
    moved = node.op == "Concat" or (node.op in _MOVING and partial == [0])
    if node.op == "Cast" and node.attr("to") not in (CODES["int32"], CODES["int64"]):
        moved = False
    if not moved and not (node.op == "Reshape" and partial == [1]):
        raise NeedsValue("an extent that it reads is known only when the model runs: give input_shapes")


def _names_read(node):
    for name in node.input:
        yield name
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                yield from _names_read(inner)
            for output in graph.output:
                yield output.name


def _last_readers(nodes):
    last = {}
    for index, node in enumerate(nodes):
        for name in _names_read(node):
            last[name] = index
    return last


def _bound(node, given):
    """A node of a function with references to the function's attributes replaced."""
    result = onnx.NodeProto()
    result.CopyFrom(node)
    del result.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            result.attribute.append(attribute)
        elif attribute.ref_attr_name in given:
            result.attribute.append(given[attribute.ref_attr_name])
            result.attribute[-1].name = attribute.name
    return result


def is_tensor(value):
    """Whether a value is a tensor, not a sequence and not absent."""
    return isinstance(value, Value)
