"""The tools of these tests do what they say: the link between two namespaces is cut, healed, loses packets; the proxy delays."""

import sys
import time

import networks
import pytest
from group import Process
from test_faults import Slow

pytestmark = pytest.mark.skipif(bool(networks.missing()), reason=f"no toolchain: {networks.missing()}")
# Answers each line at once, first to one peer and then to the next.
ECHO = """
import socket
listening = socket.create_server(("", 7000))
print("ready", flush=True)
while True:
    peer = listening.accept()[0].makefile("rwb", buffering=0)
    for line in peer:
        peer.write(line)
"""
# Sends a line for every one it is told and says how long the answer took.
ASK = """
import socket, sys, time
peer = socket.create_connection((sys.argv[1], 7000), timeout=10)
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
file = peer.makefile("rb")
print("ready", flush=True)
for number, line in enumerate(sys.stdin):
    begin = time.monotonic()
    peer.sendall(b"x" * 60 + b"\\n")
    file.readline()
    print("answer", number, flush=True)
    print("took", time.monotonic() - begin, flush=True)
"""


class Echo:
    """A server on the near side, a peer of it on the far side."""

    def __init__(self, pair):
        self._server = Process("server", [sys.executable, "-S", "-c", ECHO], {}, pair.inside(pair.near))
        self._server.wait_for("ready")
        self._peer = Process("peer", [sys.executable, "-S", "-c", ASK, pair.near_address], {}, pair.inside(pair.far))
        self._peer.wait_for("ready")
        self._count = 0

    def ask(self):
        self._peer.release()
        self._count += 1
        return f"answer {self._count - 1}"

    def answered(self, line, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and line not in self._peer.lines:
            time.sleep(0.01)
        return line in self._peer.lines

    def times(self):
        return [float(line.split()[1]) for line in self._peer.lines if line.startswith("took")]

    def close(self):
        self._peer.close()
        self._server.close()


def test_cut_and_heal():
    with networks.Pair() as pair:
        echo = Echo(pair)
        assert echo.answered(echo.ask(), 2)
        pair.cut()
        waiting = echo.ask()
        assert not echo.answered(waiting, 0.7)
        pair.heal()
        assert echo.answered(waiting, 5)
        echo.close()


def test_loss():
    with networks.Pair() as pair:
        echo = Echo(pair)
        pair.lose(5)
        for _ in range(200):
            assert echo.answered(echo.ask(), 9)
        # A lost packet is sent again after 200 ms; of 200 questions and answers about 20 meet one.
        slow = sum(seconds > 0.15 for seconds in echo.times())
        assert 2 <= slow <= 60
        echo.close()


def test_delay():
    with Slow() as pair:
        echo = Echo(pair)
        for _ in range(3):
            assert echo.answered(echo.ask(), 5)
        assert all(0.4 <= seconds < 1 for seconds in echo.times())
        echo.close()
