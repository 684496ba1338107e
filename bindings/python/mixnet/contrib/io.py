"""mx.contrib.io: a DataLoader as an iterator, so that modules train from datasets."""

from .. import ndarray as nd
from ..io import DataDesc, DataIter


class DataLoaderIter(DataIter):
    """Batches of a gluon DataLoader of pairs (data, label), or of data alone, as DataBatch.

    A last batch with fewer examples is filled up with zeros and says so in `pad`. The first batch of the first epoch is made at once, to know its shape.

    Parameters
    ----------
    loader : mx.gluon.data.DataLoader
    data_name, label_name : str
    dtype : str
        Of data and labels.
    """

    def __init__(self, loader, data_name="data", label_name="softmax_label", dtype="float32"):
        super().__init__()
        self._loader, self._dtype = loader, dtype
        self._epoch = iter(loader)
        self._next = self._parts()
        if self._next is None:
            raise ValueError("[DataLoaderIter] loader: expected at least one batch, got none")
        self.batch_size = self._next[0].shape[0]
        descs = [DataDesc(name, part.shape, dtype) for name, part in zip((data_name, label_name), self._next)]
        self.provide_data, self.provide_label = descs[:1], descs[1:]
        self._batch = None

    def _parts(self):
        batch = next(self._epoch, None)
        if batch is None:
            return None
        return list(batch)[:2] if isinstance(batch, (list, tuple)) else [batch]

    def reset(self):
        """The next epoch. What is left of this one is dropped; where no batch was taken yet, it goes on."""
        if self._batch is None and self._next is not None:
            return
        if hasattr(self._epoch, "close"):
            self._epoch.close()
        self._epoch, self._next, self._batch = iter(self._loader), None, None

    def iter_next(self):
        """Move on by one batch; False at the end of the epoch."""
        parts, self._next = self._next or self._parts(), None
        if parts is None:
            return False
        self._pad = self.batch_size - parts[0].shape[0]
        self._batch = [self._filled(part.astype(self._dtype)) for part in parts]
        return True

    def _filled(self, part):
        if not self._pad:
            return part
        return nd.concat(part, nd.zeros((self._pad, *part.shape[1:]), dtype=self._dtype), dim=0)

    def getdata(self):
        return self._batch[:1]

    def getlabel(self):
        return self._batch[1:]

    def getpad(self):
        return self._pad
