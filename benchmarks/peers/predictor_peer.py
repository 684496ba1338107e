"""mixnet's predictor as a side of a benchmark: prediction in the calling thread, without the engine."""

import numpy as np
import worker

import mixnet as mx
from mixnet.predictor import Predictor


class Case:
    def __init__(self, spec):
        spec.only("float32", modes=("predict",))
        symbol = mx.sym.load(spec.symbol)
        arrays = {**{f"arg:{n}": mx.nd.array(v) for n, v in spec.arguments.items()}, **{f"aux:{n}": mx.nd.array(v) for n, v in spec.states.items()}}
        path = spec.options["arrays"] + ".params"
        mx.nd.save(path, arrays)
        del arrays
        mx.cpu().empty_cache()
        self.inputs = {n: v for n, v in spec.inputs.items() if n == "data"}
        self.predictor = Predictor(symbol, path, {n: v.shape for n, v in spec.inputs.items() if n in symbol.list_arguments()})
        self.predictor.forward(**self.inputs)

    def step(self):
        self.result = self.predictor.forward(**self.inputs)[0]

    def outputs(self):
        self.step()
        return np.asarray(self.result)


if __name__ == "__main__":
    worker.serve("mixnet predictor", mx.__version__, Case)
