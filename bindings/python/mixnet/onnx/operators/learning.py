"""Some of ai.onnx.ml: picking features, thresholds, labels."""

import numpy as np

from ..errors import OnnxError
from ..table import operator

_ML = "ai.onnx.ml"


@operator("ArrayFeatureExtractor", domain=_ML)
def array_feature(n, x, indices):
    """Columns."""
    places = indices.ints("the indices")
    if places and not 0 <= min(places) <= max(places) < x.shape[-1]:
        raise OnnxError(f"indices: expected numbers below {x.shape[-1]}, got {min(places)} to {max(places)}")
    x = x if x.ndim > 1 else x.reshape(1, -1)
    return x.take(places, x.ndim - 1)


@operator("Binarizer", domain=_ML)
def binarizer(n, x):
    """1 above a threshold, 0 elsewhere."""
    return (x > n.b.scalar(n.float("threshold", 0.0), x)).cast(x.dtype)


@operator("LabelEncoder", domain=_ML)
def label_encoder(n, x):
    """One set of labels for another, on the host."""

    def table(prefix):
        for suffix in ("strings", "int64s", "floats", "tensor"):
            found = n.attr(prefix + suffix)
            if found is not None:
                return found.host().ravel().tolist() if suffix == "tensor" else found, suffix, found
        raise OnnxError(f"attribute '{prefix}...': expected a list")

    keys, values, kind, given = table("keys_")[0], *table("values_")
    dtype = {"strings": "string", "int64s": "int64", "floats": "float32"}.get(kind) or given.dtype
    default = n.attr("default_tensor")
    if default is not None:
        default = default.host().ravel()[0]
    else:
        default = {"string": n.attr("default_string", "_Unused"), "int64": n.int("default_int64", -1)}.get(dtype, n.float("default_float", -0.0))
    if len(keys) != len(values):
        raise OnnxError(f"expected as many keys as values, got {len(keys)} and {len(values)}")

    def plain(key):
        key = key.decode() if isinstance(key, bytes) else key
        return "nan" if isinstance(key, float) and key != key else key

    mapping = {plain(k): plain(v) if dtype == "string" else v for k, v in zip(keys, values)}
    flat = [mapping.get(plain(k), default) for k in x.host("the input").ravel().tolist()]
    return n.b.constant(np.asarray(flat, object if dtype == "string" else dtype).reshape(x.shape), dtype)
