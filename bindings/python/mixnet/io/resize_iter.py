"""An epoch of a chosen number of batches."""

from .data_iter import DataIter


class ResizeIter(DataIter):
    """Make `data_iter` deliver exactly `size` batches per epoch, starting over inside an epoch where needed.

    Parameters
    ----------
    data_iter : DataIter
    size : int
        Batches per epoch.
    reset_internal : bool
        Whether `reset` also resets `data_iter`.
    """

    def __init__(self, data_iter, size, reset_internal=True):
        super().__init__(getattr(data_iter, "batch_size", 0))
        self.data_iter = data_iter
        self.size = size
        self.reset_internal = reset_internal
        self.cur = 0
        self.current_batch = None
        self.provide_data = data_iter.provide_data
        self.provide_label = data_iter.provide_label
        if hasattr(data_iter, "default_bucket_key"):
            self.default_bucket_key = data_iter.default_bucket_key

    def reset(self):
        """Start the next epoch."""
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def iter_next(self):
        """Move on by one batch; False after `size` of them. ValueError where the inner iterator is empty."""
        if self.cur == self.size:
            return False
        self.current_batch = self._next_inner()
        self.cur += 1
        return True

    def _next_inner(self):
        try:
            return self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
        try:
            return self.data_iter.next()
        except StopIteration:
            raise ValueError("[ResizeIter] data_iter: expected at least one batch, got none") from None

    def next(self):
        """The next batch as the inner iterator made it."""
        if not self.iter_next():
            raise StopIteration
        return self.current_batch

    def getdata(self):
        return self.current_batch.data

    def getlabel(self):
        return self.current_batch.label

    def getindex(self):
        return self.current_batch.index

    def getpad(self):
        return self.current_batch.pad
