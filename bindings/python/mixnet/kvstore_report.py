"""What a store between machines says of itself, as tables: bytes, messages, latency and staleness by key and by peer.

    print(mixnet.kvstore_report.tables(statistics))

`statistics` is the dict (or its JSON) that a store between machines gives: {"keys": {name: counts}, "peers": {name: counts}, "servers":
[the same of every server]}. Servers' counts by key are added up: staleness is known there only.
"""

import json

_COLUMNS = ("pushes", "pulls", "messages", "repeated", "MB sent", "MB received", "latency ms", "max ms", "staleness", "max")
_SUMS = ("pushes", "pulls", "messages", "repeated", "bytes_sent", "bytes_received")


def _mean(*sums):
    """{"count", "mean", "max"} of several."""
    count = sum(one["count"] for one in sums)
    total = sum(one["count"] * one["mean"] for one in sums)
    return {"count": count, "mean": total / count if count else 0.0, "max": max((one["max"] for one in sums), default=0.0)}


def added(parts):
    """{name: counts} of several such dicts, counts of the same name added."""
    together = {}
    for part in parts:
        for name, counts in part.items():
            old = together.get(name)
            if old is None:
                together[name] = dict(counts)
                continue
            for field in _SUMS:
                old[field] += counts[field]
            for field in ("latency_s", "staleness"):
                old[field] = _mean(old[field], counts[field])
    return together


def _cells(counts):
    latency, stale = counts["latency_s"], counts["staleness"]
    numbers = [str(counts[field]) for field in _SUMS[:4]] + [f"{counts[field] / 1e6:.3f}" for field in _SUMS[4:]]
    numbers += [f"{1000 * latency['mean']:.3f}", f"{1000 * latency['max']:.3f}"] if latency["count"] else ["-", "-"]
    return numbers + ([f"{stale['mean']:.2f}", f"{stale['max']:.0f}"] if stale["count"] else ["-", "-"])


def _table(title, rows, most):
    """Text; of more than `most` rows those with most bytes, and how many there are besides."""
    ordered = sorted(rows.items(), key=lambda row: -(row[1]["bytes_sent"] + row[1]["bytes_received"]))
    cells = [(title, *_COLUMNS), *((name, *_cells(counts)) for name, counts in ordered[:most])]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ["  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]) for line in cells]
    if len(ordered) > most:
        lines.append(f"and {len(ordered) - most} more")
    return "\n".join(lines)


def tables(statistics, most=20):
    """Tables of this worker's keys and peers, and of the servers' keys; of each at most `most` rows."""
    if isinstance(statistics, str):
        statistics = json.loads(statistics)
    if not isinstance(statistics, dict) or "keys" not in statistics or "peers" not in statistics:
        raise ValueError(f"[kvstore_report] statistics: expected keys and peers, got {str(statistics)[:60]}")
    servers = added(server["keys"] for server in statistics.get("servers", ()))
    parts = {"key": statistics["keys"], "peer": statistics["peers"], "key, on servers": servers}
    return "\n\n".join(_table(title, rows, most) for title, rows in parts.items() if rows)
