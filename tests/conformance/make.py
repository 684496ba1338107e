"""Writes the data of the conformance tests. Needs the library and an environment with MXNet 1.9.1:

    python tests/conformance/make.py --oracle PYTHON_WITH_MXNET

Expected values of operators, models and trainings come from MXNet, random numbers from this library. README.md has the format.
"""

import argparse
import os
import pathlib
import pickle
import subprocess
import tempfile

import mixnet as mx
import nets
import numpy as np
from operator_cases import cases

HERE = pathlib.Path(__file__).resolve().parent

SEEDS = [
    ("uniform", 1, "_random_uniform", {"low": -1, "high": 2, "shape": (3, 4)}),
    ("uniform_double", 42, "_random_uniform", {"shape": (5,), "dtype": "float64"}),
    ("normal", 2, "_random_normal", {"loc": 1, "scale": 0.5, "shape": (3, 4)}),
    ("exponential", 3, "_random_exponential", {"lam": 2, "shape": (6,)}),
    ("gamma", 4, "_random_gamma", {"alpha": 2.5, "beta": 0.5, "shape": (6,)}),
    ("poisson", 5, "_random_poisson", {"lam": 3, "shape": (8,)}),
    ("randint", 6, "_random_randint", {"low": -5, "high": 20, "shape": (10,), "dtype": "int32"}),
    ("large_seed", 123456789012, "_random_uniform", {"shape": (3,)}),
]


def oracle(python, jobs):
    """What MXNet says to [(kind, case), ...]."""
    with tempfile.TemporaryDirectory() as folder:
        question, answer = os.path.join(folder, "question"), os.path.join(folder, "answer")
        with open(question, "wb") as file:
            pickle.dump(jobs, file, protocol=4)
        environment = {**os.environ, "MXNET_SUBGRAPH_BACKEND": "NONE", "PYTHONPATH": ""}
        subprocess.run([python, HERE / "oracle.py", question, answer], check=True, env=environment)
        with open(answer, "rb") as file:
            return pickle.load(file)


class Book:
    """Lines of a .txt and arrays of a .params file that grow together."""

    def __init__(self):
        self.lines, self.arrays = [], {}

    def key(self, key, value):
        assert value.ndim, key
        self.arrays[key] = mx.nd.array(value, dtype=value.dtype)
        return key

    def write(self, stem):
        (HERE / f"{stem}.txt").write_text("\n".join(self.lines).rstrip("\n") + "\n")
        mx.nd.save(str(HERE / f"{stem}.params"), self.arrays)


def write_operators(answers):
    book = Book()
    for case, answer in zip(cases, answers):
        name = case["name"]
        book.lines += [f"case {name}", f"op {case['op']}", *(f"set {key} {value}" for key, value in case["parameters"].items())]
        book.lines += [f"in {key} {book.key(f'{name}.{key}', value)}" for key, value in case["inputs"].items()]
        book.lines.append(f"train {case['train']}")
        book.lines += [f"out {i} {book.key(f'{name}.out{i}', value)}" for i, value in enumerate(answer["outputs"])]
        book.lines += [f"headgrad {i} {book.key(f'{name}.headgrad{i}', value)}" for i, value in enumerate(answer["headgrads"])]
        book.lines += [f"grad {key} {book.key(f'{name}.grad.{key}', value)}" for key, value in answer["grads"].items()]
        book.lines += ["tolerance {:g} {:g}".format(*case["tolerance"]), ""]
    book.write("operators")


def parameters(symbol, seed, **shapes):
    """Values under the names of a checkpoint: weights of a sensible size, positive variances."""
    random = np.random.RandomState(seed)
    args, _, states = symbol.infer_shape(**shapes)
    values = {}
    for kind, names, dims in (("arg", symbol.list_arguments(), args), ("aux", symbol.list_auxiliary_states(), states)):
        for name, shape in zip(names, dims):
            if name in shapes or name.endswith("label"):
                continue
            scale = (3.0 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.3
            middle = 1.0 if name.endswith(("gamma", "var")) else 0.0
            values[f"{kind}:{name}"] = mx.nd.array((middle + random.uniform(-scale, scale, shape)).astype("float32"))
    return values


def save_net(stem, symbol, seed, **shapes):
    symbol.save(str(HERE / f"{stem}-symbol.json"))
    mx.nd.save(str(HERE / f"{stem}-0000.params"), parameters(symbol, seed, **shapes))
    return {"symbol": str(HERE / f"{stem}-symbol.json"), "params": str(HERE / f"{stem}-0000.params")}


def model_jobs():
    """[(name, case for the oracle), ...]."""
    random = np.random.RandomState(3)
    found = []
    for stem, net, shape in (("mlp", nets.mlp, (3, 8)), ("lenet", nets.lenet, (2, 1, 28, 28)), ("residual", nets.residual, (2, 3, 8, 8))):
        files = save_net(stem, net(), len(stem), data=shape)
        found.append((stem, {**files, "inputs": {"data": random.uniform(-1, 1, shape).astype("float32")}}))
    return found


def write_models(jobs, answers):
    book = Book()
    for (name, case), answer in zip(jobs, answers):
        book.lines += [f"case {name}", f"symbol {name}-symbol.json", f"params {name}-0000.params"]
        book.lines += [f"input {key} {book.key(f'{name}.{key}', value)}" for key, value in case["inputs"].items()]
        book.lines += [f"output {i} {book.key(f'{name}.out{i}', value)}" for i, value in enumerate(answer["outputs"])]
        book.lines += ["tolerance 0.001 1e-05", ""]
    book.write("models")


def training_jobs():
    random = np.random.RandomState(5)
    label = random.randint(0, 4, 50).astype("float32")
    data = (random.uniform(-1, 1, (50, 8)) + np.eye(8)[label.astype(int)]).astype("float32")
    pictures = random.uniform(-1, 1, (16, 1, 28, 28)).astype("float32")
    digits = random.randint(0, 10, 16).astype("float32")
    files = {stem: {"symbol": str(HERE / f"{stem}-symbol.json"), "params": str(HERE / f"{stem}-0000.params")} for stem in ("mlp", "lenet")}
    momentum = {"learning_rate": 0.5, "momentum": 0.9, "wd": 0.01, "rescale_grad": 0.1}
    adam = {"learning_rate": 0.02, "beta1": 0.8, "wd": 0.001, "rescale_grad": 0.1}
    small = {"learning_rate": 0.05, "momentum": 0.5, "wd": 0.01, "rescale_grad": 0.125}
    rows = (
        ("mlp_momentum", "mlp", data, label, 10, "sgd", momentum, 20),
        ("mlp_adam", "mlp", data, label, 10, "adam", adam, 20),
        ("lenet_momentum", "lenet", pictures, digits, 8, "sgd", small, 6),
    )
    keys = ("data", "label", "batch", "optimizer", "options", "steps")
    return [(name, stem, {**files[stem], **dict(zip(keys, rest))}) for name, stem, *rest in rows]


def write_training(jobs, answers):
    book = Book()
    for (name, stem, case), answer in zip(jobs, answers):
        book.lines += [f"case {name}", f"symbol {stem}-symbol.json", f"params {stem}-0000.params"]
        book.lines += [f"{kind} {book.key(f'{name}.{kind}', case[kind])}" for kind in ("data", "label")]
        book.lines += [f"batch {case['batch']}", f"optimizer {case['optimizer']}"]
        book.lines += [f"option {key} {value}" for key, value in case["options"].items()]
        book.lines += [f"step {i + 1} {loss:.7f}" for i, loss in enumerate(answer["losses"])]
        # MXNet sets the gamma of a layer with fix_gamma to 1 in the parameters themselves; nothing depends on it.
        answer["final"].pop("bn1_gamma", None)
        book.lines += [f"final {key} {book.key(f'{name}.final.{key}', value)}" for key, value in answer["final"].items()]
        book.lines += ["tolerance 0.001 0.0001", ""]
    book.write("training")


def write_seeds():
    book = Book()
    for name, seed, op, given in SEEDS:
        mx.random.seed(seed)
        value = getattr(mx.nd, op)(**given).asnumpy()
        book.lines += [f"case {name}", f"seed {seed}", f"op {op}"]
        book.lines += [f"set {key} {str(setting).replace(' ', '')}" for key, setting in given.items()]
        book.lines += [f"out 0 {book.key(f'{name}.out0', value)}", "tolerance 1e-05 1e-06", ""]
    book.write("seeds")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracle", required=True, help="a Python that has mxnet 1.9.1")
    python = parser.parse_args().oracle
    models, trainings = model_jobs(), training_jobs()
    jobs = [("operator", case) for case in cases] + [("model", case) for _, case in models] + [("training", case) for _, _, case in trainings]
    answers = oracle(python, jobs)
    write_operators(answers[: len(cases)])
    write_models(models, answers[len(cases) :][: len(models)])
    write_training(trainings, answers[len(cases) + len(models) :])
    write_seeds()
    print(f"{len(cases)} operators, {len(models)} models, {len(trainings)} trainings, {len(SEEDS)} seeds")


if __name__ == "__main__":
    main()
