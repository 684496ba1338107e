"""Tables of what a store between machines counted."""

import json

import pytest
from mixnet import kvstore_report


def counts(pushes, sent, latency=(0, 0.0, 0.0), staleness=(0, 0.0, 0.0)):
    sums = {"pushes": pushes, "pulls": 1, "messages": 3, "repeated": 0, "bytes_sent": sent, "bytes_received": 0}
    spread = {name: dict(zip(("count", "mean", "max"), values)) for name, values in (("latency_s", latency), ("staleness", staleness))}
    return {**sums, **spread}


STATISTICS = {
    "keys": {"small": counts(1, 1000), "large": counts(2, 5_000_000, (2, 0.003, 0.004))},
    "peers": {"server 0 (here, process 1)": counts(3, 5_001_000)},
    "servers": [
        {"keys": {"large": counts(2, 0, staleness=(2, 1.0, 2.0))}, "peers": {}},
        {"keys": {"large": counts(6, 0, staleness=(6, 3.0, 5.0)), "small": counts(1, 0)}, "peers": {}},
    ],
}


def test_tables():
    keys, peers, servers = (part.splitlines() for part in kvstore_report.tables(json.dumps(STATISTICS)).split("\n\n"))
    assert [line.split()[0] for line in keys] == ["key", "large", "small"]
    assert keys[1].split() == ["large", "2", "1", "3", "0", "5.000", "0.000", "3.000", "4.000", "-", "-"]
    assert peers[1].startswith("server 0 (here, process 1)")
    assert servers[1].split()[:3] == ["large", "8", "2"] and servers[1].split()[-2:] == ["2.50", "5"]
    assert len({len(line) for line in keys}) == 1


def test_only_the_largest():
    lines = kvstore_report.tables(STATISTICS, most=1).split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == ["key", "large", "and"] and lines[-1] == "and 1 more"


def test_what_is_no_statistics():
    for wrong in ({}, [], "3"):
        with pytest.raises(ValueError, match=r"\[kvstore_report\] statistics: expected keys and peers"):
            kvstore_report.tables(wrong)
