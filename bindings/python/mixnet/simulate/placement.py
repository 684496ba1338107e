"""Keys as messages: large arrays are cut into parts, and a hash of the key spreads them over the servers, as the store does it.

Messages are sorted by the time their gradients are ready. Many machines with many keys make many events; then neighbours in that order that go
to the same server travel together (`grain`), which changes little as long as a grain is far smaller than what a link moves in a step.
"""

import dataclasses


@dataclasses.dataclass
class Message:
    """Parts that travel together: bytes, requests, priority (0 is the most urgent) and per step of the trace when needed and when ready."""

    server: int
    bytes: int
    requests: int
    priority: int
    need: list
    ready: list


def parts(name, size, part_bytes, servers):
    """(server, bytes) of the parts of a key: equal, and where it takes several one for each server at least."""
    first = 14695981039346656037
    for byte in name.encode():
        first = (first ^ byte) * 1099511628211 % 2**64
    count = -(-size // part_bytes)
    count = max(count, servers) if count > 1 else 1
    return [((first + part) % servers, size * (part + 1) // count - size * part // count) for part in range(count)]


def place(trace, cluster, grain=0):
    """Messages of one step; a part of `grain` bytes or more always travels alone."""
    messages = []
    for place, (name, size) in enumerate(zip(trace.names, trace.sizes)):
        need, ready = [step.need[place] for step in trace.steps], [step.ready[place] for step in trace.steps]
        for server, part_size in parts(name, size, cluster.part_bytes, cluster.servers):
            messages.append(Message(server, part_size, 1, place, need, ready))
    messages.sort(key=lambda message: (message.ready[0], message.priority))
    return _joined(messages, grain) if grain else messages


def _joined(messages, grain):
    done, open_ = [], {}
    for message in messages:
        before = open_.get(message.server)
        if before is None or message.bytes >= grain:
            done.append(message)
            if message.bytes < grain:
                open_[message.server] = message
            continue
        before.bytes += message.bytes
        before.requests += message.requests
        before.priority = min(before.priority, message.priority)
        before.need = [min(pair) for pair in zip(before.need, message.need)]
        before.ready = [max(pair) for pair in zip(before.ready, message.ready)]
        if before.bytes >= grain:
            del open_[message.server]
    return sorted(done, key=lambda message: (message.ready[0], message.priority))
