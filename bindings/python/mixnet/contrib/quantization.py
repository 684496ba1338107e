"""mx.contrib.quantization: models whose layers run on 8-bit numbers.

`quantize_model` does it all: it takes BatchNorm into the weights, makes 8-bit numbers of these, and finds ranges for the values between
layers by running the float model on examples (calibration). The result is a symbol and parameters like any other; where it is
bound for prediction, layers and what follows them are joined, so that values stay 8-bit from layer to layer.

    naive     the range that was seen (for every value the smallest and the largest)
    entropy   the range whose quantised histogram has the smallest Kullback-Leibler divergence from the one that was seen
              (Migacz, "8-bit inference with TensorRT", GTC 2017)
    none      no range: each is found anew in every run, which is slow
"""

import json
import logging

import numpy as np

from .. import ndarray as nd, symbol as sym_module
from ..base import MXNetError, check, ffi, lib, strings
from ..context import cpu

__all__ = ["quantize_model", "quantize_model_mkldnn", "quantize_graph", "calib_graph", "RangeCollector", "HistogramCollector"]

_MODES = ("none", "naive", "entropy")


def _choice(name, value, choices):
    if value not in choices:
        raise MXNetError(f"[quantization] {name}: expected one of {', '.join(choices)}, got {value!r}")


class RangeCollector:
    """Smallest and largest value of each tensor that it is shown."""

    def __init__(self):
        self.ranges = {}

    def collect(self, name, array):
        """Takes note of a value's numbers (numpy or NDArray)."""
        values = array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)
        if values.size == 0:
            return
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all():
            raise MXNetError(f"[quantization] {name}: expected finite values, got some that are not")
        before = self.ranges.get(name, (low, high))
        self.ranges[name] = (min(low, before[0]), max(high, before[1]))

    def limits(self, quantized_dtype="int8"):
        """{name: (lowest, highest)} for calib_graph."""
        return dict(self.ranges)


class HistogramCollector(RangeCollector):
    """Histograms as well, of `num_bins` bins (odd: the middle one lies around zero)."""

    def __init__(self, num_bins=8001):
        super().__init__()
        if num_bins < 511 or num_bins % 2 == 0:
            raise MXNetError(f"[quantization] num_bins: expected an odd number of at least 511, got {num_bins}")
        self.num_bins = num_bins
        self.histograms = {}

    def collect(self, name, array):
        values = (array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)).ravel()
        super().collect(name, values)
        if values.size == 0:
            return
        counts, reach = self.histograms.get(name, (np.zeros(self.num_bins), 0.0))
        most = float(np.abs(values).max())
        if most > reach and reach > 0:
            # Whole bins are added on both sides, so that what was counted stays where it is.
            width = 2 * reach / len(counts)
            more = int(np.ceil((most - reach) / width))
            counts, reach = np.pad(counts, more), reach + more * width
        elif reach == 0:
            reach = most
        if reach > 0:
            counts = counts + np.histogram(values, bins=len(counts), range=(-reach, reach))[0]
        self.histograms[name] = (counts, reach)

    def limits(self, quantized_dtype="int8"):
        """{name: (lowest, highest)}: the limits at which the least is lost."""
        return {name: self._limit(name, quantized_dtype) for name in self.ranges}

    def _limit(self, name, quantized_dtype):
        (low, high), (counts, reach) = self.ranges[name], self.histograms[name]
        if reach == 0:
            return low, high
        unsigned = low >= 0 and quantized_dtype != "int8"
        while len(counts) > 2 * self.num_bins:  # pairs of bins, the middle one staying the middle
            counts = self._halved(counts)
        edges = np.linspace(-reach, reach, len(counts) + 1)
        found, _ = nd._contrib_calibrate_entropy(
            nd.array(counts, dtype="float32"), nd.array(edges, dtype="float32"), num_quantized_bins=511 if unsigned else 255
        )
        threshold = float(found.asscalar())
        return max(low, -threshold), min(high, threshold)

    @staticmethod
    def _halved(counts):
        middle = len(counts) // 2
        left, right = counts[:middle], counts[middle + 1 :]
        if middle % 2:
            left, right = np.pad(left, (1, 0)), np.pad(right, (0, 1))
        pairs = [side.reshape(-1, 2).sum(1) for side in (left, right)]
        return np.concatenate([pairs[0], counts[middle : middle + 1], pairs[1]])


def _quantize_symbol(symbol, **options):
    out, parameters, names = ffi.new("mxn_symbol_t **"), ffi.new("mxn_symbol_t **"), ffi.new("mxn_strings_t **")
    check(lib.mxn_symbol_quantize(symbol.handle, json.dumps(options).encode(), out, parameters, names))
    return sym_module.Symbol(out[0]), sym_module.Symbol(parameters[0]), strings(names[0])


def _evaluate(symbol, names, values, ctx):
    """The outputs of a symbol of parameters alone, by name."""
    if not names:
        return {}
    used = symbol.list_arguments()
    missing = [name for name in used if name not in values]
    if missing:
        raise MXNetError(f"[quantization] params: expected a value for {missing[0]}")
    executor = symbol.bind(ctx, {name: values[name].as_in_context(ctx) for name in used}, grad_req="null")
    return dict(zip(names, executor.forward(is_train=False)))


def _wanted(qsym):
    return sorted({attributes["__calibrate__"] for attributes in qsym.attr_dict().values() if "__calibrate__" in attributes})


def quantize_graph(
    sym,
    arg_params,
    aux_params,
    ctx=cpu(),
    excluded_sym_names=None,
    excluded_op_names=None,
    calib_mode="entropy",
    quantized_dtype="int8",
    quantize_mode="full",
    quantize_granularity="tensor-wise",
    LayerOutputCollector=None,
    logger=None,
):
    """(symbol, parameters, states, collector): the quantised model without ranges.

    Show the collector the values of the float model that `collector.include_layers` names, then call calib_graph.
    """
    _choice("calib_mode", calib_mode, _MODES)
    if not isinstance(sym, sym_module.Symbol):
        raise MXNetError(f"[quantization] sym: expected a Symbol, got {type(sym).__name__}")
    qsym, parameters, names = _quantize_symbol(
        sym,
        excluded_names=list(excluded_sym_names or []),
        excluded_operators=list(excluded_op_names or []),
        quantized_dtype=quantized_dtype,
        quantize_mode=quantize_mode,
        quantize_granularity=quantize_granularity,
    )
    values = {**arg_params, **aux_params}
    made = _evaluate(parameters, names, values, ctx)
    qarg = {name: made[name] if name in made else arg_params[name] for name in qsym.list_arguments() if name in made or name in arg_params}
    qaux = {name: aux_params[name] for name in qsym.list_auxiliary_states() if name in aux_params}
    collector = LayerOutputCollector
    if collector is None and calib_mode != "none":
        collector = HistogramCollector() if calib_mode == "entropy" else RangeCollector()
    if collector is not None:
        collector.include_layers = _wanted(qsym)
    if logger:
        logger.info("quantised %d parameters; %d values want a range", len(names) // 3, len(_wanted(qsym)))
    return qsym, qarg, qaux, collector


def calib_graph(qsym, arg_params, aux_params, collector, calib_mode="entropy", quantized_dtype="int8", logger=logging):
    """(symbol, parameters, states): the quantised symbol with the ranges that the collector has found."""
    _choice("calib_mode", calib_mode, _MODES)
    if calib_mode == "none":
        return qsym, arg_params, aux_params
    limits = collector.limits(quantized_dtype) if hasattr(collector, "limits") else dict(collector.min_max_dict)
    missing = [name for name in _wanted(qsym) if name not in limits]
    if missing:
        raise MXNetError(f"[quantization] collector: expected a range of {missing[0]}, which it has not been shown")
    known, _, _ = _quantize_symbol(qsym, ranges={name: [float(v) for v in pair] for name, pair in limits.items()})
    return known, arg_params, aux_params


def _observe(sym, params, aux, names, ctx, data, num_examples, data_names, collector):
    """Runs the float model on examples and shows the collector the values by these names; how many examples there were."""
    internals = sym.get_internals()
    group = sym_module.Group([internals[name] for name in names])
    data.reset()
    executor, seen = None, 0
    for batch in data:
        inputs = dict(zip(data_names, batch.data))
        if executor is None:
            inputs_used = {name: array.shape for name, array in inputs.items() if name in group.list_arguments()}
            executor = group.simple_bind(ctx, grad_req="null", **inputs_used)
            executor.copy_params_from({k: v for k, v in params.items() if k in executor.arg_dict}, {k: v for k, v in aux.items() if k in executor.aux_dict})
        outputs = executor.forward(is_train=False, **{name: array for name, array in inputs.items() if name in executor.arg_dict})
        count = batch.data[0].shape[0] - (batch.pad or 0)
        for name, output in zip(names, outputs):
            values = output.asnumpy()
            collector.collect(name, values[:count] if values.ndim and values.shape[0] == batch.data[0].shape[0] else values)
        seen += count
        if num_examples is not None and seen >= num_examples:
            break
    return seen


def quantize_model(
    sym,
    arg_params,
    aux_params,
    data_names=("data",),
    label_names=("softmax_label",),
    ctx=cpu(),
    excluded_sym_names=None,
    excluded_op_names=None,
    calib_mode="entropy",
    calib_data=None,
    num_calib_examples=None,
    quantized_dtype="int8",
    quantize_mode="smart",
    quantize_granularity="tensor-wise",
    logger=None,
):
    """(symbol, parameters, states) of the model with its layers on 8-bit numbers, for prediction.

    quantized_dtype: 'int8', or 'auto' for uint8 where values are never negative (twice as fine behind relu), or 'uint8' for the data
    too. quantize_mode: 'smart', or 'full' for pooling and the like also between float operators. quantize_granularity: one range per
    weight ('tensor-wise') or per output channel ('channel-wise', as fast and more exact). calib_data: an iterator, of which
    num_calib_examples examples (all when None) are run. Nodes and operators may be excluded by name.
    """
    _choice("calib_mode", calib_mode, _MODES)
    if calib_mode != "none" and calib_data is None:
        raise MXNetError(f"[quantization] calib_data: expected an iterator for calib_mode {calib_mode!r}, got None")
    qsym, qarg, qaux, collector = quantize_graph(
        sym, arg_params, aux_params, ctx, excluded_sym_names, excluded_op_names, calib_mode, quantized_dtype, quantize_mode, quantize_granularity, None, logger
    )
    if calib_mode == "none":
        return qsym, qarg, qaux
    seen = _observe(sym, arg_params, aux_params, collector.include_layers, ctx, calib_data, num_calib_examples, data_names, collector)
    if logger:
        logger.info("calibrated %d values on %d examples", len(collector.include_layers), seen)
    return calib_graph(qsym, qarg, qaux, collector, calib_mode, quantized_dtype, logger)


def quantize_model_mkldnn(sym, arg_params, aux_params, *args, **kwargs):
    """quantize_model under the name of MXNet's variant for oneDNN: joining of layers happens whenever a model is bound."""
    return quantize_model(sym, arg_params, aux_params, *args, **kwargs)
