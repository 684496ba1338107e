"""Texts, which only exist where they are known: they have no arrays and no place in a symbol."""

import re

import numpy as np

from ..builder import checked_size
from ..errors import OnnxError
from ..table import operator


def _texts(value):
    if value.dtype != "string":
        raise OnnxError(f"input: expected texts, got {value.dtype}")
    return np.vectorize(lambda t: t.decode() if isinstance(t, bytes) else str(t), otypes=[object])(value.host()) if value.size else value.host()


@operator("StringConcat")
def concat(n, left, right):
    """One behind the other."""
    return n.b.constant(np.asarray(_texts(left) + _texts(right), object), "string")


@operator("RegexFullMatch")
def full_match(n, x):
    """Whether a text fits a pattern."""
    pattern = re.compile(n.attr("pattern", ""))
    return n.b.constant(np.vectorize(lambda t: pattern.fullmatch(t) is not None, otypes=[bool])(_texts(x)))


@operator("StringNormalizer")
def normalise(n, x):
    """Without stop words, in small or large letters."""
    action, stop = n.attr("case_change_action", "NONE"), n.attr("stopwords", [])
    change = {"LOWER": str.lower, "UPPER": str.upper, "NONE": str}[action]
    sensitive = n.int("is_case_sensitive", 0)
    stop = set(stop if sensitive else [s.lower() for s in stop])
    rows = [[change(t) for t in row if (t if sensitive else t.lower()) not in stop] for row in np.atleast_2d(_texts(x))]
    result = np.asarray([row or [""] for row in rows], object)
    return n.b.constant(result if x.ndim == 2 else result[0], "string")


@operator("StringSplit")
def split(n, x):
    """Pieces between delimiters, filled up with empty texts, and how many there are."""
    delimiter, most = n.attr("delimiter") or None, n.int("maxsplit", -1)
    texts = _texts(x)
    pieces = [t.split(delimiter, most) if t or delimiter else [] for t in texts.ravel()]
    width = max(map(len, pieces), default=0)
    table = np.empty((len(pieces), width), object)
    for i, row in enumerate(pieces):
        table[i] = row + [""] * (width - len(row))
    counts = np.asarray([len(row) for row in pieces], np.int64).reshape(texts.shape)
    return n.b.constant(table.reshape(*texts.shape, width), "string"), n.b.constant(counts)


def _grams(n, length):
    """{n-gram: column} for n-grams of a length."""
    starts = [*n.ints("ngram_counts", []), None]
    pool = n.attr("pool_strings") or n.ints("pool_int64s", [])
    if length > len(starts) - 1:
        return {}
    begin = sum(max((starts[i + 1] if starts[i + 1] is not None else len(pool)) - starts[i], 0) // (i + 1) for i in range(length - 1))
    items = pool[starts[length - 1] : starts[length]]
    columns = n.ints("ngram_indexes", [])
    return {tuple(items[i : i + length]): columns[begin + i // length] for i in range(0, len(items) - length + 1, length)}


@operator("TfIdfVectorizer", since=9)
def tf_idf(n, x):
    """How often n-grams occur in rows, with up to some places skipped between their parts, on the host."""
    columns, weights = n.ints("ngram_indexes", []), n.attr("weights")
    mode, skips = n.choice("mode", "TF", "IDF", "TFIDF"), n.int("max_skip_count", 0)
    width = checked_size((max(columns, default=-1) + 1,))
    rows = np.atleast_2d(_texts(x) if x.dtype == "string" else x.host("the input"))
    checked_size((len(rows), width))
    counts = np.zeros((len(rows), width), np.float32)
    for length in range(max(n.int("min_gram_length", 1), 1), min(n.int("max_gram_length", 1), len(n.ints("ngram_counts", []))) + 1):
        grams = _grams(n, length)
        for row, out in zip(rows.tolist(), counts):
            for step in range(1, (min(skips, len(row)) if length > 1 else 0) + 2):
                for start in range(len(row) - (length - 1) * step):
                    column = grams.get(tuple(row[start : start + (length - 1) * step + 1 : step]))
                    if column is not None:
                        out[column] += 1
    factor = np.ones(width, np.float32)
    if weights is not None:
        factor[columns] = weights
    result = counts if mode == "TF" else (counts > 0) * factor if mode == "IDF" else counts * factor
    return n.b.constant((result if x.ndim > 1 else result[0]).astype(np.float32))
