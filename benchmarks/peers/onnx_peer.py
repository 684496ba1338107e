"""onnxruntime as a side of a benchmark: prediction only, from the symbol exported to ONNX."""

import os

import graph as symbols
import onnx_export
import onnxruntime
import worker


class Once:
    """The inputs, once: what calibration runs on."""

    def __init__(self, inputs):
        self.rest = [inputs]

    def get_next(self):
        return self.rest.pop() if self.rest else None


def quantise(path, inputs):
    """Puts the quantised model (QDQ, weights per channel) in the place of the float one."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(path, path + ".ready", skip_symbolic_shape=True)
    quantization.quantize_static(
        path + ".ready",
        path,
        Once(inputs),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    os.unlink(path + ".ready")


class Case:
    def __init__(self, spec):
        spec.only("float32", "int8", modes=("predict",))
        graph = symbols.load(spec.symbol)
        names = {node.name for node in graph.nodes} - symbols.indices(graph)
        self.inputs = {n: v for n, v in spec.inputs.items() if n in names}
        path = spec.options["arrays"] + ".onnx"
        onnx_export.save(graph, {**spec.arguments, **spec.states}, {n: v.shape for n, v in self.inputs.items()}, path)
        if spec.dtype == "int8":
            quantise(path, self.inputs)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        os.unlink(path)

    def step(self):
        self.result = self.session.run(None, self.inputs)[0]

    def outputs(self):
        self.step()
        return self.result


if __name__ == "__main__":
    worker.serve("onnxruntime", onnxruntime.__version__, Case)
