"""Damaged ONNX models: every one must import and run, or end in one line that begins with a bracket.

python tests/python/onnx_mutation.py COUNT SEED runs COUNT of them and prints findings; exit status 1 when there are any. Memory is bounded
by a resource limit, so that a model that asks for too much of it shows.
"""

import random
import resource
import sys
import time

import numpy as np
import onnx
import onnx_data

from mixnet.base import MXNetError
from mixnet.onnx import backend, import_model

SLOWEST = 20.0
WORDS = [0, 1, -1, 2, 255, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63)]


def seeds():
    """(bytes, inputs) of small models of all kinds: every seventh of onnx's, and those with graphs inside."""
    chosen = []
    for kind in ("node", "simple", "pytorch-operator"):
        folders = onnx_data.tests(kind)
        chosen += [f for i, f in enumerate(folders) if i % 7 == 0 or any(k in f.name for k in ("loop", "scan", "if_", "lstm", "sequence_map"))]
    result = []
    for folder in chosen:
        content = (folder / "model.onnx").read_bytes()
        if len(content) < 20_000 and "regex" not in folder.name:
            infos = onnx.load_model_from_string(content).graph.input
            result.append((content, onnx_data.values(folder / "test_data_set_0", "input", infos)))
    return result


def bent(draw, content):
    """Bytes with a few bits, bytes or pieces changed."""
    data = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 8])):
        at = draw.randrange(len(data)) if data else 0
        kind = draw.randrange(5)
        if kind == 0:
            return bytes(data[:at])
        if kind == 1 and data:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 2:
            data[at:at] = draw.randbytes(draw.randrange(1, 9))
        elif kind == 3:
            del data[at : at + draw.randrange(1, 9)]
        else:
            piece = data[at : at + draw.randrange(1, 64)]
            data[draw.randrange(len(data) + 1) : 0] = piece
    return bytes(data)


def twisted(draw, content):
    """A well-formed file of a model that makes no sense: names, operators, numbers or shapes changed."""
    model = onnx.load_model_from_string(content)
    graph = model.graph
    node = draw.choice(graph.node)
    names = [name for n in graph.node for name in [*n.input, *n.output]] + ["missing"]
    kind = draw.randrange(7)
    if kind == 0 and node.input:
        node.input[draw.randrange(len(node.input))] = draw.choice(names)
    elif kind == 1:
        node.op_type = draw.choice(["Nothing", "Conv", "Reshape", "Loop", "Gather", "MatMul", "Resize", "LSTM", "TopK", "Concat", "Tile"])
    elif kind == 2 and node.attribute:
        attribute = draw.choice(node.attribute)
        attribute.i = draw.choice(WORDS)
        if attribute.ints:
            attribute.ints[draw.randrange(len(attribute.ints))] = draw.choice(WORDS)
        attribute.f = draw.choice([0.0, -1.0, 1e38, float("nan")])
    elif kind == 3 and node.attribute:
        node.attribute.remove(draw.choice(node.attribute))
    elif kind == 4:
        shape = draw.choice(graph.input).type.tensor_type.shape if graph.input else onnx.TensorShapeProto()
        if shape.dim:
            draw.choice(shape.dim).dim_value = draw.choice(WORDS)
    elif kind == 5:
        model.opset_import[0].version = draw.choice([1, 5, 7, 9, 11, 13, 18, 21, 22, 23, 2**40, -1])
    elif graph.initializer:
        tensor = draw.choice(graph.initializer)
        tensor.dims.append(draw.choice(WORDS))
    return model.SerializeToString()


def twisted_inputs(draw, inputs):
    """Inputs with one number or shape changed."""
    inputs = list(inputs)
    at = draw.randrange(len(inputs)) if inputs else 0
    if inputs and isinstance(inputs[at], np.ndarray) and inputs[at].size and inputs[at].dtype.kind in "iuf":
        value = inputs[at].copy()
        if draw.random() < 0.5:
            info = np.iinfo(value.dtype) if value.dtype.kind in "iu" else np.finfo(value.dtype)
            value.flat[draw.randrange(value.size)] = draw.choice([0, 1, info.max, info.min])
        else:
            value = value.ravel()[: draw.randrange(value.size + 1)]
        inputs[at] = value
    return inputs


def problem(content, inputs):
    """What is wrong with how a model ended, None when it is well."""
    begin = time.process_time()
    for action in (lambda: import_model(content), lambda: backend.prepare(content).run(inputs)):
        try:
            action()
        except MXNetError as error:
            text = str(error)
            if "\n" in text or not text.startswith("["):
                return f"not one clear line: {text!r}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    seconds = time.process_time() - begin
    return f"took {seconds:.0f} s of processor time" if seconds > SLOWEST else None


def run(count, seed, keep=None):
    """Findings among `count` damaged models; the last one tried is kept in a file for when the process dies of it."""
    draw, models, findings = random.Random(seed), seeds(), []
    for i in range(count):
        content, inputs = draw.choice(models)
        kind = draw.randrange(4)
        if kind == 3:
            inputs = twisted_inputs(draw, inputs)
        else:
            content = (bent if kind < 2 else twisted)(draw, content)
        if keep:
            with open(keep, "wb") as file:
                file.write(content)
        found = problem(content, inputs)
        if found:
            findings.append(f"model {i} of seed {seed}: {found}")
            if keep:
                with open(f"{keep}.{len(findings)}", "wb") as file:
                    file.write(content)
    return findings


def main():
    count, seed, keep = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    findings = run(count, seed, keep)
    print(f"{count} damaged models, {len(findings)} findings", *findings, sep="\n")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
