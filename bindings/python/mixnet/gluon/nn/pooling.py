"""Pooling layers."""

from ..hybrid_block import HybridBlock


def spread(value, count, layer, what):
    """One number for each of `count` axes."""
    values = (value,) * count if isinstance(value, int) else tuple(value)
    if len(values) != count:
        raise ValueError(f"[{type(layer).__name__}] {what}: expected a number or {count} of them, got {value}")
    return values


class _Pooling(HybridBlock):
    _kind, _axes, _global, _layout = "max", 2, False, "NCHW"

    def __init__(self, pool_size, strides, padding, layout, ceil_mode, count_include_pad=None, **kwargs):
        super().__init__(**kwargs)
        if sorted(layout) != sorted(self._layout):
            raise ValueError(f"[{type(self).__name__}] layout: expected {self._layout}, or its letters in another order, got {layout!r}")
        size = spread(pool_size, self._axes, self, "pool_size")
        self._options = {
            "kernel": size,
            "stride": size if strides is None else spread(strides, self._axes, self, "strides"),
            "pad": spread(padding, self._axes, self, "padding"),
            "global_pool": self._global,
            "pool_type": self._kind,
            "pooling_convention": "full" if ceil_mode else "valid",
            "layout": layout,
        }
        if count_include_pad is not None:
            self._options["count_include_pad"] = count_include_pad

    def _alias(self):
        return "pool"

    def __repr__(self):
        o = self._options
        ceil = o["pooling_convention"] == "full"
        return f"{type(self).__name__}(size={o['kernel']}, stride={o['stride']}, padding={o['pad']}, ceil_mode={ceil}, global_pool={self._global})"

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.Pooling(x, name="fwd", **self._options)


class MaxPool1D(_Pooling):
    """The largest number of every window of (N, C, W)."""

    _axes, _layout = 1, "NCW"

    def __init__(self, pool_size=2, strides=None, padding=0, layout="NCW", ceil_mode=False, **kwargs):
        super().__init__(pool_size, strides, padding, layout, ceil_mode, **kwargs)


class MaxPool2D(_Pooling):
    """The largest number of every window of (N, C, H, W). ceil_mode: windows may hang over the far edge. strides: pool_size unless given."""

    def __init__(self, pool_size=(2, 2), strides=None, padding=0, layout="NCHW", ceil_mode=False, **kwargs):
        super().__init__(pool_size, strides, padding, layout, ceil_mode, **kwargs)


class MaxPool3D(_Pooling):
    """The largest number of every window of (N, C, D, H, W)."""

    _axes, _layout = 3, "NCDHW"

    def __init__(self, pool_size=(2, 2, 2), strides=None, padding=0, ceil_mode=False, layout="NCDHW", **kwargs):
        super().__init__(pool_size, strides, padding, layout, ceil_mode, **kwargs)


class AvgPool1D(_Pooling):
    """The mean of every window of (N, C, W)."""

    _kind, _axes, _layout = "avg", 1, "NCW"

    def __init__(self, pool_size=2, strides=None, padding=0, layout="NCW", ceil_mode=False, count_include_pad=True, **kwargs):
        super().__init__(pool_size, strides, padding, layout, ceil_mode, count_include_pad, **kwargs)


class AvgPool2D(_Pooling):
    """The mean of every window of (N, C, H, W). count_include_pad: padding counts as zeros."""

    _kind = "avg"

    def __init__(self, pool_size=(2, 2), strides=None, padding=0, ceil_mode=False, layout="NCHW", count_include_pad=True, **kwargs):
        super().__init__(pool_size, strides, padding, layout, ceil_mode, count_include_pad, **kwargs)


class AvgPool3D(_Pooling):
    """The mean of every window of (N, C, D, H, W)."""

    _kind, _axes, _layout = "avg", 3, "NCDHW"

    def __init__(self, pool_size=(2, 2, 2), strides=None, padding=0, ceil_mode=False, layout="NCDHW", count_include_pad=True, **kwargs):
        super().__init__(pool_size, strides, padding, layout, ceil_mode, count_include_pad, **kwargs)


class _GlobalPooling(_Pooling):
    _global = True

    def __init__(self, layout=None, **kwargs):
        super().__init__(1, None, 0, layout or self._layout, True, **kwargs)


class GlobalMaxPool1D(_GlobalPooling):
    """The largest number of every channel of (N, C, W), as (N, C, 1)."""

    _axes, _layout = 1, "NCW"


class GlobalMaxPool2D(_GlobalPooling):
    """The largest number of every channel of (N, C, H, W), as (N, C, 1, 1)."""


class GlobalMaxPool3D(_GlobalPooling):
    """The largest number of every channel of (N, C, D, H, W), as (N, C, 1, 1, 1)."""

    _axes, _layout = 3, "NCDHW"


class GlobalAvgPool1D(_GlobalPooling):
    """The mean of every channel of (N, C, W), as (N, C, 1)."""

    _kind, _axes, _layout = "avg", 1, "NCW"


class GlobalAvgPool2D(_GlobalPooling):
    """The mean of every channel of (N, C, H, W), as (N, C, 1, 1)."""

    _kind = "avg"


class GlobalAvgPool3D(_GlobalPooling):
    """The mean of every channel of (N, C, D, H, W), as (N, C, 1, 1, 1)."""

    _kind, _axes, _layout = "avg", 3, "NCDHW"
