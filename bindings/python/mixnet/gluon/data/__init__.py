"""mx.gluon.data: datasets, samplers that say which examples come when, and the loader that makes batches of them on threads.

What is random in an order is drawn from numpy.random; what is random in an example (transforms) from `item_random`, which `mx.random.seed` seeds.
"""

from . import batchify, vision  # noqa: F401
from .columns import ColumnDataset, GroupSampler, from_arrow, from_numpy, from_pandas
from .dataloader import DataLoader, ItemError
from .dataset import ArrayDataset, Dataset, RecordFileDataset, SimpleDataset
from .item_random import item_random
from .sampler import BatchSampler, FilterSampler, IntervalSampler, RandomSampler, Sampler, SequentialSampler

__all__ = [
    "ArrayDataset",
    "BatchSampler",
    "ColumnDataset",
    "DataLoader",
    "Dataset",
    "FilterSampler",
    "GroupSampler",
    "IntervalSampler",
    "ItemError",
    "RandomSampler",
    "RecordFileDataset",
    "Sampler",
    "SequentialSampler",
    "SimpleDataset",
    "from_arrow",
    "from_numpy",
    "from_pandas",
    "item_random",
]
