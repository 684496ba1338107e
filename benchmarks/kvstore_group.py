"""The store between processes of one machine: 100 MB pushed and pulled, beside a raw TCP stream and ZeroMQ alone; 1,000 small keys.

    python benchmarks/kvstore_group.py [--rounds 9] [--encrypted]

One worker, one server. A push counts until the server has it, a pull until the array can be read. The stream is 100 MB from a socket of this process
into one of another over the loopback interface; ZeroMQ alone is 100 MB in messages of a part's size (pyzmq), with --encrypted both it and the
store by CURVE. Sides take turns in one process; medians over the rounds. Small: 1,000 keys of 16 floats, pushed and pulled by lists in one
call each; a key operation is a push or a pull of one key.
"""

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import sys
import time

import processes
import table

SIZE, KEYS, PART = 25_000_000, 1000, 512 << 10


def read_stream(listener, total):
    """The other end of the stream: reads `total` bytes again and again and says so with one byte."""
    connection, _ = listener.accept()
    buffer = memoryview(bytearray(1 << 20))
    while True:
        left = total
        while left:
            count = connection.recv_into(buffer[: min(left, len(buffer))])
            if not count:
                return
            left -= count
        connection.sendall(b"x")


def read_messages(address, keys, total):
    """The other end of ZeroMQ alone."""
    import zmq

    context = zmq.Context()
    pull = context.socket(zmq.PAIR)
    if keys:
        pull.curve_publickey, pull.curve_secretkey = keys
        pull.curve_serverkey = keys[0]
    pull.connect(address)
    while True:
        left = total
        while left > 0:
            left -= len(pull.recv(copy=False).buffer)
        pull.send(b"x")


class Sides:
    """What is measured, each as a function of no arguments that gives seconds."""

    def __init__(self, keys):
        import zmq

        import mixnet as mx

        self.mx = mx
        self.data = memoryview(bytearray(SIZE * 4))
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        process = multiprocessing.get_context("spawn")
        readers = [process.Process(target=read_stream, args=(listener, SIZE * 4), daemon=True)]
        self.socket = zmq.Context().socket(zmq.PAIR)
        if keys:
            self.socket.curve_server = True
            self.socket.curve_publickey, self.socket.curve_secretkey = keys
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        readers.append(process.Process(target=read_messages, args=(f"tcp://127.0.0.1:{port}", keys, SIZE * 4), daemon=True))
        for reader in readers:
            reader.start()
        self.readers = readers
        self.stream = socket.create_connection(listener.getsockname())
        self.kv = mx.kv.create("dist_sync")
        self.gradient, self.out = mx.nd.ones((SIZE,)), mx.nd.zeros((SIZE,))
        self.names = [f"k{i}" for i in range(KEYS)]
        self.small, self.outs = [mx.nd.ones((16,)) for _ in self.names], [mx.nd.zeros((16,)) for _ in self.names]
        self.kv.init(["w", *self.names], [self.gradient, *self.small])

    def tcp(self):
        begin = time.perf_counter()
        self.stream.sendall(self.data)
        self.stream.recv(1)
        return time.perf_counter() - begin

    def zeromq(self):
        begin = time.perf_counter()
        for at in range(0, SIZE * 4, PART):
            self.socket.send(self.data[at : at + PART], copy=False)
        self.socket.recv()
        return time.perf_counter() - begin

    def push(self):
        begin = time.perf_counter()
        self.kv.push("w", self.gradient)
        self.mx.nd.waitall()
        return time.perf_counter() - begin

    def pull(self):
        begin = time.perf_counter()
        self.kv.pull("w", self.out)
        self.out.wait_to_read()
        return time.perf_counter() - begin

    def keys(self):
        begin = time.perf_counter()
        self.kv.push(self.names, self.small)
        self.kv.pull(self.names, self.outs)
        self.mx.nd.waitall()
        return time.perf_counter() - begin

    def end(self):
        for reader in self.readers:
            reader.kill()


def worker(rounds, keys):
    """In the worker's process: prints {side: seconds}."""
    sides = Sides(keys)
    times = {}
    try:
        for k in range(rounds + 2):
            for name in ("tcp", "push", "zeromq", "pull", "keys"):
                seconds = getattr(sides, name)()
                if k >= 2:  # the first rounds take memory and make connections quick
                    times.setdefault(name, []).append(seconds)
    finally:
        sides.end()
    print(json.dumps({name: statistics.median(values) for name, values in times.items()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--encrypted", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        secret = os.environ.get("MIXNET_PS_KEY", "").encode()
        import zmq

        return worker(options.rounds, (zmq.curve_public(secret), secret) if secret else None)
    if options.encrypted:
        from mixnet.kvstore_server import make_keys

        os.environ["MIXNET_PS_KEY"] = make_keys()[1]
    times = processes.run([__file__, "--worker", "--rounds", str(options.rounds)], workers=1)[0]
    name = "kvstore_group_encrypted" if options.encrypted else "kvstore_group"
    out = table.Table(
        name, "The store between processes" + (", encrypted" if options.encrypted else ""), ["what", "GB/s", "of the TCP stream", "of ZeroMQ alone"]
    )
    for what in ("tcp", "zeromq", "push", "pull"):
        shares = [f"{times[other] / times[what]:.0%}" for other in ("tcp", "zeromq")]
        out.add([what, f"{SIZE * 4 / times[what] / 1e9:.2f}", *shares])
    out.note(f"{2 * KEYS / times['keys']:,.0f} key operations per second on {KEYS:,} small keys. {options.rounds} rounds, {os.cpu_count()} cores.")
    out.save()
    return None


if __name__ == "__main__":
    sys.exit(main())
