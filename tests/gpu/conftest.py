"""What every test here needs."""

import pytest

import mixnet as mx

if mx.num_gpus() == 0:
    raise pytest.UsageError("no GPU: expected LD_LIBRARY_PATH to name a library with GPUs, such as build/release/emulated")
