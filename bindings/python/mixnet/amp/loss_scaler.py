"""The factor that keeps small gradients inside float16's range."""

from .. import ndarray as nd


class LossScaler:
    """A power of two that doubles after 2,000 steps without overflow and halves at each overflow.

    It starts at 65,536 and stays at or below 2**24.
    """

    def __init__(self):
        self._loss_scale = 2.0**16
        self._max_loss_scale = 2.0**24
        self._scale_seq_len = 2000
        self._unskipped = 0

    @property
    def loss_scale(self):
        """The factor for the next loss."""
        return self._loss_scale

    def has_overflow(self, params):
        """Whether a gradient is infinite or NaN, so that the step must be skipped; moves the scale.

        params : list of NDArray (gradients), or of parameters with `list_grad()`. Waits for them.
        """
        grads = [array for item in params for array in (item.list_grad() if hasattr(item, "list_grad") else [item])]
        if all(_finite(part) for part in _parts(grads)):
            self._unskipped += 1
            if self._unskipped == self._scale_seq_len:
                self._unskipped = 0
                self._loss_scale = min(self._max_loss_scale, self._loss_scale * 2)
            return False
        self._unskipped = 0
        self._loss_scale /= 2
        return True


def _parts(arrays):
    """Lists of up to 64 arrays of one context."""
    by_context = {}
    for array in arrays:
        by_context.setdefault(array.context, []).append(array)
    return [own[i : i + 64] for own in by_context.values() for i in range(0, len(own), 64)]


def _finite(arrays):
    return nd.multi_all_finite(*arrays, num_arrays=len(arrays)).asscalar() != 0
