"""A language model: two LSTM layers that learn to say the next word of Python's own reference manual.

The text comes with every Python (pydoc_data.topics, 465,000 characters). Sentences are sorted into buckets by their length; one fused RNN operator runs both
layers over all steps, and the module of each bucket shares parameters and memory with the others. Perplexity is the number of words between which the model
would be guessing; it begins at the size of the vocabulary.
"""

import argparse
import collections
import random
import re
from pydoc_data.topics import topics

import mixnet as mx
import numpy as np

PADDING, UNKNOWN = 0, 1
BUCKETS = (10, 20, 30)


def sentences(limit):
    """Lists of words, at most `limit` of them: the manual without its grammar and its examples."""
    prose = " ".join(line for topic in sorted(topics) for line in topics[topic].splitlines() if not line.startswith("      "))
    found = (re.findall(r"[a-z]+|[.,;:()]", sentence.lower()) for sentence in re.split(r"(?<=[.!?])\s+", prose))
    return [words for words in found if 4 <= len(words) <= BUCKETS[-1]][:limit]


def numbered(texts, size):
    """([[number of each word]], words): the most frequent words; the others are one."""
    counts = collections.Counter(word for words in texts for word in words)
    words = ["<padding>", "<unknown>", *(word for word, _ in counts.most_common(size - 2))]
    numbers = {word: number for number, word in enumerate(words)}
    return [[numbers.get(word, UNKNOWN) for word in text] for text in texts], words


def network(vocabulary, hidden, layers):
    """For a BucketingModule: the symbol of a length, which is the same but for the number of steps."""

    def of_length(length):
        data, label = mx.sym.Variable("data"), mx.sym.Variable("softmax_label")
        words = mx.sym.Embedding(data, input_dim=vocabulary, output_dim=hidden, name="embed")
        cell = mx.rnn.FusedRNNCell(hidden, num_layers=layers, mode="lstm", prefix="lstm_")
        outputs, _ = cell.unroll(length, words, layout="NTC", merge_outputs=True)
        scores = mx.sym.FullyConnected(mx.sym.Reshape(outputs, shape=(-1, hidden)), num_hidden=vocabulary, name="scores")
        label = mx.sym.Reshape(label, shape=(-1,))
        # The gradient is summed over the words of a batch; "valid" makes it that of their mean.
        net = mx.sym.SoftmaxOutput(scores, label, use_ignore=True, ignore_label=PADDING, normalization="valid", name="softmax")
        return net, ("data",), ("softmax_label",)

    return of_length


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--limit", type=int, default=100000, help="use so many sentences")
    parser.add_argument("--vocabulary", type=int, default=2000)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()
    mx.random.seed(1)
    random.seed(1)
    np.random.seed(1)
    texts, words = numbered(sentences(options.limit), options.vocabulary)
    held_out = [text for i, text in enumerate(texts) if i % 10 == 0]
    train = [text for i, text in enumerate(texts) if i % 10]
    print(f"{len(train)} sentences to learn from, {len(held_out)} held out, {len(words)} words")
    data = mx.rnn.BucketSentenceIter(train, options.batch_size, buckets=list(BUCKETS), invalid_label=PADDING)
    test = mx.rnn.BucketSentenceIter(held_out, options.batch_size, buckets=list(BUCKETS), invalid_label=PADDING)

    model = mx.mod.BucketingModule(network(len(words), options.hidden, 2), default_bucket_key=data.default_bucket_key)
    model.bind(data.provide_data, data.provide_label)
    model.init_params(mx.init.Xavier(factor_type="in", magnitude=2.34))
    # The gradient is a mean already.
    model.init_optimizer(optimizer="adam", optimizer_params={"learning_rate": 0.005, "rescale_grad": 1.0, "clip_gradient": 1.0})
    metric = mx.metric.Perplexity(PADDING)
    for epoch in range(1, options.epochs + 1):
        data.reset()
        metric.reset()
        for batch in data:
            model.forward_backward(batch)
            model.update()
            model.update_metric(metric, batch.label)
        learned = metric.get()[1]
        print(f"epoch {epoch}  perplexity {learned:.1f}  held out {dict(model.score(test, mx.metric.Perplexity(PADDING)))['perplexity']:.1f}", flush=True)


if __name__ == "__main__":
    main()
