"""What goes wrong with a model: one line that names the node, its operator and the opset."""

from ..base import MXNetError


class OnnxError(MXNetError):
    """A model that cannot be imported or run. The message is kept to one line, whatever names the model has."""

    def __init__(self, message):
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


class NeedsValue(OnnxError):
    """An operator asks for the value of something that is only known when the model runs."""
