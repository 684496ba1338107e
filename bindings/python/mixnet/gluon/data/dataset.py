"""What examples are there: `dataset[i]` and `len(dataset)`.

Any such object (a list, a numpy array, an NDArray) does where a dataset is asked for. A loader calls `dataset[i]` from several threads at once.
"""

import collections
import os

from ... import ndarray as nd
from ... import recordio
from ...base import MXNetError
from .gathering import batch_of, can_gather, gathered, split, without_tail
from .sampler import FilterSampler, Sampler, SequentialSampler


class Dataset:
    """Base class. A subclass gives `__getitem__`, which must bear being called from several threads, and `__len__`."""

    def __getitem__(self, idx):
        raise NotImplementedError(f"[{type(self).__name__}] __getitem__: expected the subclass to define it, got none")

    def __len__(self):
        raise NotImplementedError(f"[{type(self).__name__}] __len__: expected the subclass to define it, got none")

    def filter(self, fn):
        """The examples for which `fn(example)` is true. Every example is made once, now, and those kept again when asked for."""
        return self.sample(FilterSampler(fn, self))

    def shard(self, num_shards, index):
        """The `index`-th of `num_shards` contiguous parts; the first ones have one example more where it does not divide."""
        if not 0 <= index < num_shards:
            raise ValueError(f"[Dataset.shard] index: expected 0 <= index < num_shards, got {index} of {num_shards}")
        size, more = divmod(len(self), num_shards)
        return self.sample(SequentialSampler(size + (index < more), size * index + min(index, more)))

    def take(self, count):
        """The first `count` examples; all for None or a larger number."""
        if count is not None and count < 0:
            raise ValueError(f"[Dataset.take] count: expected at least 0, got {count}")
        return self.sample(SequentialSampler(len(self) if count is None else min(count, len(self))))

    def sample(self, sampler):
        """The examples whose numbers `sampler` gives, in its order, drawn once."""
        if not isinstance(sampler, Sampler):
            raise TypeError(f"[Dataset.sample] sampler: expected a Sampler, got {type(sampler).__name__}")
        return _SampledDataset(self, sampler)

    def transform(self, fn, lazy=True):
        """`fn(example)`, or `fn(*example)` where examples are tuples, when an example is asked for; `lazy=False` makes all of them now."""
        transformed = _TransformedDataset(self, fn)
        return transformed if lazy else SimpleDataset([transformed[i] for i in range(len(transformed))])

    def transform_first(self, fn, lazy=True):
        """`transform` of the first part of an example alone: the data, where the second is a label."""
        return self.transform(_First(fn), lazy)


class SimpleDataset(Dataset):
    """A list, an array or whatever has `len` and ``[]``."""

    def __init__(self, data):
        self._data = data

    def __len__(self):
        return len(self._data)

    def __getitem__(self, idx):
        return self._data[idx]


class ArrayDataset(Dataset):
    """Example i is ``(a[i], b[i], ...)`` of the arrays, lists or datasets given; `a[i]` itself where there is one.

    Items of an NDArray with one axis are numbers. Raises ValueError for no arrays and for different lengths.
    """

    def __init__(self, *args):
        if not args:
            raise ValueError("[ArrayDataset] args: expected at least one array, got none")
        self._length = len(args[0])
        for number, array in enumerate(args):
            if len(array) != self._length:
                raise ValueError(f"[ArrayDataset] array {number}: expected {self._length} examples like the first, got {len(array)}")
        self._data = [_with_numbers(array) for array in args]

    def __len__(self):
        return self._length

    def __getitem__(self, idx):
        if len(self._data) == 1:
            return self._data[0][idx]
        return tuple(array[idx] for array in self._data)

    def batch_of(self, indices):
        parts = [gathered(array, indices) if can_gather(array) else None for array in self._data]
        if any(part is None for part in parts):
            return None
        return parts if len(parts) > 1 else parts[0]


class RecordFileDataset(Dataset):
    """The records of a `.rec` file, or of one behind a URI, as bytes. An `.idx` file beside it says where they are; it is read once.

    Threads that ask at the same time read through files of their own, which are kept. Raises MXNetError where a file is missing or the record asked
    for is none.
    """

    def __init__(self, filename):
        self.filename = os.fspath(filename)
        self.idx_file = os.path.splitext(self.filename)[0] + ".idx"
        for path in (self.filename, self.idx_file):
            if "://" not in path and not os.path.isfile(path):
                raise MXNetError(f"[{type(self).__name__}] file: expected {self.filename} with {self.idx_file} beside it, got no {path}")
        first = recordio.MXIndexedRecordIO(self.idx_file, self.filename, "r")
        self._places, self._keys = first.idx, first.keys
        self._idle = collections.deque([first])

    def __getstate__(self):
        return {**self.__dict__, "_idle": collections.deque()}

    def __len__(self):
        return len(self._keys)

    def __getitem__(self, idx):
        key = self._keys[idx]
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = _Records(self)
        try:
            return reader.read_idx(key)
        finally:
            self._idle.append(reader)


class _Records(recordio.MXIndexedRecordIO):
    """One more reader of a dataset's file, with the index that is known."""

    def __init__(self, dataset):
        self._known = dataset._places, dataset._keys
        super().__init__(dataset.idx_file, dataset.filename, "r")

    def _read_index(self):
        self.idx, self.keys = self._known


class _SampledDataset(Dataset):
    def __init__(self, dataset, sampler):
        self._dataset = dataset
        self._numbers = list(sampler)

    def __len__(self):
        return len(self._numbers)

    def __getitem__(self, idx):
        return self._dataset[self._numbers[idx]]

    def batch_of(self, indices):
        return batch_of(self._dataset, [self._numbers[i] for i in indices])

    def without_tail(self):
        dataset, tail = without_tail(self._dataset)
        sampled = _SampledDataset(dataset, self._numbers)
        return sampled, tail


class _TransformedDataset(Dataset):
    def __init__(self, dataset, fn):
        self._dataset, self._fn = dataset, fn

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, idx):
        item = self._dataset[idx]
        return self._fn(*item) if isinstance(item, tuple) else self._fn(item)

    def without_tail(self):
        if isinstance(self._fn, _First):
            head, tail = split(self._fn.fn)
            fn = head and _First(head)
        else:
            fn, tail = split(self._fn)
        if fn is not None:
            return _TransformedDataset(self._dataset, fn), tail
        dataset, before = without_tail(self._dataset)
        return dataset, before + tail


class _First:
    def __init__(self, fn):
        self.fn = fn

    def __call__(self, first, *rest):
        return (self.fn(first), *rest) if rest else self.fn(first)


def _with_numbers(array):
    return array.asnumpy() if isinstance(array, nd.NDArray) and array.ndim == 1 else array
