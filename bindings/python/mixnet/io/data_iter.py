"""The protocol that all iterators follow."""

from .data_desc import DataBatch


class DataIter:
    """Base class. A subclass gives `iter_next`, `getdata`, `getlabel` and `getpad` (or `next` itself), and `reset`.

    Parameters
    ----------
    batch_size : int
        Examples per batch.
    """

    def __init__(self, batch_size=0):
        self.batch_size = batch_size

    def __iter__(self):
        return self

    def reset(self):
        """Go back to the first batch."""

    def next(self):
        """Return the next `DataBatch`; StopIteration at the end of the epoch."""
        if not self.iter_next():
            raise StopIteration
        return DataBatch(data=self.getdata(), label=self.getlabel(), pad=self.getpad(), index=self.getindex())

    def __next__(self):
        return self.next()

    def iter_next(self):
        """Move to the next batch; False at the end of the epoch."""
        raise NotImplementedError(f"[{type(self).__name__}] iter_next: expected the subclass to define it, got none")

    def getdata(self):
        """List of data arrays of the current batch."""
        raise NotImplementedError(f"[{type(self).__name__}] getdata: expected the subclass to define it, got none")

    def getlabel(self):
        """List of label arrays of the current batch."""
        raise NotImplementedError(f"[{type(self).__name__}] getlabel: expected the subclass to define it, got none")

    def getindex(self):
        """Numbers of the current examples in their source, or None."""
        return None

    def getpad(self):
        """How many examples at the end of the current batch only fill it up."""
        raise NotImplementedError(f"[{type(self).__name__}] getpad: expected the subclass to define it, got none")


def positive_batch_size(place, batch_size):
    """`batch_size` as int; ValueError unless it is a whole number of at least 1."""
    if int(batch_size) != batch_size or batch_size < 1:
        raise ValueError(f"[{place}] batch_size: expected a whole number of at least 1, got {batch_size}")
    return int(batch_size)
