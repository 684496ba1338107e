"""Data iterators: batches of arrays for training, scoring and prediction.

Every iterator is a :class:`DataIter`: ``for batch in it`` yields :class:`DataBatch`, ``provide_data`` and
``provide_label`` describe the arrays as :class:`DataDesc`, ``reset`` starts the next epoch.
"""

from .csv_iter import CSVIter
from .data_desc import DataBatch, DataDesc
from .data_iter import DataIter
from .mnist_iter import MNISTIter
from .ndarray_iter import NDArrayIter
from .prefetching_iter import PrefetchingIter
from .resize_iter import ResizeIter

__all__ = [
    "CSVIter",
    "DataBatch",
    "DataDesc",
    "DataIter",
    "MNISTIter",
    "NDArrayIter",
    "PrefetchingIter",
    "ResizeIter",
]
