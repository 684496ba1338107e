"""Convolutions and their transposes, and padding by reflection."""

from ..hybrid_block import HybridBlock
from .activations import Activation
from .pooling import spread


class Conv2D(HybridBlock):
    """Convolution of (N, C, H, W), with an activation behind it where one is named.

    Parameters
    ----------
    channels : int
        Of the output.
    kernel_size, strides, padding, dilation : int, or one per axis
    groups : int
        The input's channels are cut into so many parts, each with its share of the output's.
    layout : str
        Of input, output and weight: N and C are the weight's output and input channels.
    activation : str, optional
        See Activation.
    use_bias : bool
    weight_initializer, bias_initializer : Initializer or its name
    in_channels : int
        0: from the first call.
    """

    _axes, _layout, _op = 2, "NCHW", "Convolution"

    def __init__(
        self,
        channels,
        kernel_size,
        strides=1,
        padding=0,
        dilation=1,
        groups=1,
        layout=None,
        activation=None,
        use_bias=True,
        weight_initializer=None,
        bias_initializer="zeros",
        in_channels=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        layout = layout or self._layout
        if sorted(layout) != sorted(self._layout):
            raise ValueError(f"[{type(self).__name__}] layout: expected {self._layout}, or its letters in another order, got {layout!r}")
        self._options = {
            "kernel": spread(kernel_size, self._axes, self, "kernel_size"),
            "stride": spread(strides, self._axes, self, "strides"),
            "dilate": spread(dilation, self._axes, self, "dilation"),
            "pad": spread(padding, self._axes, self, "padding"),
            "num_filter": channels,
            "num_group": groups,
            "no_bias": not use_bias,
            "layout": layout,
        }
        with self.name_scope():
            shape = self._weight_shape(channels, in_channels, groups)
            self.weight = self.params.get("weight", shape=shape, init=weight_initializer, allow_deferred_init=True)
            self.bias = self.params.get("bias", shape=(channels,), init=bias_initializer, allow_deferred_init=True) if use_bias else None
            self.act = Activation(activation, prefix=activation + "_") if activation is not None else None

    def _alias(self):
        return "conv"

    def _weight_shape(self, channels, in_channels, groups):
        return self._laid_out(channels, in_channels // groups)

    def _laid_out(self, outer, inner):
        extents = {"N": outer, "C": inner, **dict(zip(self._layout[2:], self._options["kernel"]))}
        return tuple(extents[letter] for letter in self._options["layout"])

    def _in_channels(self):
        return self.weight.shape[self._options["layout"].index("C")] * self._options["num_group"]

    def __repr__(self):
        o = self._options
        parts = [f"{self._in_channels() or None} -> {o['num_filter']}", f"kernel_size={o['kernel']}", f"stride={o['stride']}"]
        parts += [f"padding={o['pad']}"] if any(o["pad"]) else []
        parts += [f"dilation={o['dilate']}"] if any(d != 1 for d in o["dilate"]) else []
        parts += [f"output_padding={o['adj']}"] if any(o.get("adj", ())) else []
        parts += [f"groups={o['num_group']}"] if o["num_group"] != 1 else []
        parts += ["bias=False"] if o["no_bias"] else []
        parts += [self.act._act_type] if self.act else []
        return f"{type(self).__name__}({', '.join(parts)})"

    def hybrid_forward(self, F, x, weight, bias=None):  # noqa: N803
        y = getattr(F, self._op)(x, weight, bias, name="fwd", **self._options)
        return y if self.act is None else self.act(y)


class Conv1D(Conv2D):
    """Convolution of (N, C, W); see Conv2D."""

    _axes, _layout = 1, "NCW"


class Conv3D(Conv2D):
    """Convolution of (N, C, D, H, W); see Conv2D."""

    _axes, _layout = 3, "NCDHW"


class Conv2DTranspose(Conv2D):
    """The gradient of a convolution as a layer (Deconvolution), on (N, C, H, W). output_padding: further positions at the far edge; the rest as in Conv2D."""

    _op = "Deconvolution"

    def __init__(self, channels, kernel_size, strides=1, padding=0, output_padding=0, *args, **kwargs):
        super().__init__(channels, kernel_size, strides, padding, *args, **kwargs)
        self._options["adj"] = spread(output_padding, self._axes, self, "output_padding")

    def _weight_shape(self, channels, in_channels, groups):
        return self._laid_out(in_channels, channels // groups)

    def _in_channels(self):
        return self.weight.shape[self._options["layout"].index("N")]


class Conv1DTranspose(Conv2DTranspose):
    """Transposed convolution of (N, C, W); see Conv2DTranspose."""

    _axes, _layout = 1, "NCW"


class Conv3DTranspose(Conv2DTranspose):
    """Transposed convolution of (N, C, D, H, W); see Conv2DTranspose."""

    _axes, _layout = 3, "NCDHW"


class ReflectionPad2D(HybridBlock):
    """Pads (N, C, H, W) by what the edges mirror: so many rows and columns on each side, or pad's eight numbers."""

    def __init__(self, padding=0, **kwargs):
        super().__init__(**kwargs)
        self._padding = (0, 0, 0, 0) + (padding,) * 4 if isinstance(padding, int) else tuple(padding)
        if len(self._padding) != 8:
            raise ValueError(f"[ReflectionPad2D] padding: expected a number or 8 of them, got {padding}")

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.pad(x, mode="reflect", pad_width=self._padding)
