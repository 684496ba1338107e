"""Sentences as numbers, and batches of sentences of about one length."""

import bisect
import logging
import random

import numpy as np

from .. import ndarray as nd
from ..io import DataBatch, DataDesc, DataIter


def encode_sentences(sentences, vocab=None, invalid_label=-1, invalid_key="\n", start_label=0, unknown_token=None):
    """(sentences as lists of int, vocabulary).

    Parameters
    ----------
    sentences : list of list of str
    vocab : dict of str to int, or None
        None makes one; a given one must know every word, unless there is an `unknown_token`.
    invalid_label : int
        Number of `invalid_key`, which no word gets.
    start_label : int
        The first word's number.
    unknown_token : str or None
        Stands for words that a given vocabulary does not have.
    """
    fixed = vocab is not None
    vocab = vocab if fixed else {invalid_key: invalid_label}
    number = start_label
    encoded = []
    for sentence in sentences:
        coded = []
        for word in sentence:
            if word not in vocab and fixed:
                if unknown_token is None:
                    raise ValueError(f"[encode_sentences] expected words of the vocabulary, got {word!r}; unknown_token may stand for it")
                word = unknown_token
            if word not in vocab:
                number += number == invalid_label
                vocab[word] = number
                number += 1
            coded.append(vocab[word])
        encoded.append(coded)
    return encoded, vocab


class BucketSentenceIter(DataIter):
    """Batches for language models: in a batch all sentences are filled up to one bucket's length; the label is the next word.

    Parameters
    ----------
    sentences : list of list of int
        As `encode_sentences` gives them. Longer ones than the largest bucket are left out.
    batch_size : int
    buckets : list of int or None
        Lengths; None takes every length that fills a batch.
    invalid_label : int
        Fills up sentences, and is the label of the last word.
    data_name, label_name : str
    dtype : numpy type or its name
    layout : "NT" or "TN"
    """

    def __init__(self, sentences, batch_size, buckets=None, invalid_label=-1, data_name="data", label_name="softmax_label", dtype="float32", layout="NT"):
        super().__init__(batch_size)
        if layout not in ("NT", "TN"):
            raise ValueError(f"[BucketSentenceIter] layout: expected NT (batch major) or TN (time major), got {layout!r}")
        if not buckets:
            counts = np.bincount([len(s) for s in sentences]) if len(sentences) else []
            buckets = [length for length, count in enumerate(counts) if length > 0 and count >= batch_size]
        if not buckets:
            raise ValueError(f"[BucketSentenceIter] buckets: expected a length that {batch_size} sentences have, got none; give buckets")
        self.buckets = sorted(buckets)
        self.data_name, self.label_name, self.dtype, self.layout, self.invalid_label = data_name, label_name, dtype, layout, invalid_label
        self.major_axis = layout.find("N")
        filled = [(length, rows) for length, rows in zip(self.buckets, self._fill(sentences)) if len(rows)]
        if not filled:
            raise ValueError("[BucketSentenceIter] sentences: expected some that fit into a bucket, got none")
        self.buckets, self.data = [length for length, _ in filled], [rows for _, rows in filled]
        self.default_bucket_key = max(self.buckets)
        self.provide_data = self._describe(data_name, self.default_bucket_key)
        self.provide_label = self._describe(label_name, self.default_bucket_key)
        self.idx = [(i, j) for i, rows in enumerate(self.data) for j in range(0, len(rows) - batch_size + 1, batch_size)]
        self.curr_idx = 0
        self.reset()

    def _fill(self, sentences):
        rows, left_out = [[] for _ in self.buckets], 0
        for sentence in sentences:
            bucket = bisect.bisect_left(self.buckets, len(sentence))
            if bucket == len(self.buckets):
                left_out += 1
                continue
            row = np.full(self.buckets[bucket], self.invalid_label, self.dtype)
            row[: len(sentence)] = sentence
            rows[bucket].append(row)
        if left_out:
            logging.warning("[BucketSentenceIter] left out %d sentences longer than the largest bucket", left_out)
        return [np.asarray(r, self.dtype).reshape(-1, length) for r, length in zip(rows, self.buckets)]

    def _describe(self, name, length):
        shape = (self.batch_size, length) if self.major_axis == 0 else (length, self.batch_size)
        return [DataDesc(name=name, shape=shape, dtype=self.dtype, layout=self.layout)]

    def reset(self):
        """A new order, of batches and of sentences within their bucket."""
        self.curr_idx = 0
        random.shuffle(self.idx)
        for rows in self.data:
            np.random.shuffle(rows)

    def next(self):
        """The next batch; its bucket_key is its length."""
        if self.curr_idx == len(self.idx):
            raise StopIteration
        bucket, first = self.idx[self.curr_idx]
        self.curr_idx += 1
        data = self.data[bucket][first : first + self.batch_size]
        label = np.full_like(data, self.invalid_label)
        label[:, :-1] = data[:, 1:]
        if self.major_axis == 1:
            data, label = data.T, label.T
        length = self.buckets[bucket]
        return DataBatch(
            [nd.array(data, dtype=self.dtype)],
            [nd.array(label, dtype=self.dtype)],
            pad=0,
            bucket_key=length,
            provide_data=self._describe(self.data_name, length),
            provide_label=self._describe(self.label_name, length),
        )
