"""Data iterators: batches of arrays for training, scoring and prediction.

Every iterator is a :class:`DataIter`: ``for batch in it`` yields :class:`DataBatch`, ``provide_data`` and
``provide_label`` describe the arrays as :class:`DataDesc`, ``reset`` starts the next epoch. Those that run in the library (CSVIter, ...) are functions
that make a :class:`MXDataIter`; ``gen_iter`` has them.
"""

from . import gen_iter
from .adapters import from_arrow, from_numpy, from_pandas
from .data_desc import DataBatch, DataDesc
from .data_iter import DataIter
from .gen_iter import *  # noqa: F403
from .mx_data_iter import MXDataIter
from .ndarray_iter import NDArrayIter
from .prefetching_iter import PrefetchingIter
from .remote import open_fsspec, read_bytes, register_scheme
from .resize_iter import ResizeIter
from .row_iter import RowIter

__all__ = [
    "DataBatch",
    "DataDesc",
    "DataIter",
    "MXDataIter",
    "NDArrayIter",
    "PrefetchingIter",
    "ResizeIter",
    "RowIter",
    "from_arrow",
    "from_numpy",
    "from_pandas",
    "open_fsspec",
    "read_bytes",
    "register_scheme",
    *gen_iter.__all__,
]
