"""Runs the sides of a benchmark, each in a process of its own, and interleaves their steps in one run.

A round gives every side a burst of steps; rounds go on until the time is up. Results are medians over all steps. A side that is
not installed, cannot do a row or gives other numbers than ours carries the reason instead of a time and is never left out.
"""

import json
import pathlib
import selectors
import statistics
import subprocess
import tempfile
import time

import numpy as np
import peak

BURST, PAUSE = 0.2, 0.2  # seconds; idle threads of one side stop spinning during the pause
SHORT_FLOATS = ("bfloat16", "float16")


class PeerError(Exception):
    """What a side answered instead of a result."""


class Peer:
    """One side: a worker process that is started when first asked. See peers/worker.py for what it is asked.

    fields: what its load commands say besides what all sides are told.
    """

    def __init__(self, name, command, env, column=None, timeout=900):
        self.name, self.column, self.version, self.fields = name, column or name, "", {}
        self._command, self._env, self._timeout, self._process = command, env, timeout, None

    def ask(self, do, **fields):
        """The answer as a dict; raises PeerError."""
        if self._process is None:
            self._start()
        try:
            self._process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise PeerError(self._ended()) from None
        answer = self._answer()
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def stop(self):
        """Ends the process; the next question starts a new one."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            stream.close()
        self._process = None

    def _start(self):
        if self._command is None:
            raise PeerError("not installed")
        self._stderr = tempfile.TemporaryFile()
        command = [str(part) for part in self._command]
        self._process = subprocess.Popen(command, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr)
        self._rest = b""
        self.version = self._answer()["version"]

    def _answer(self):
        until = time.monotonic() + self._timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0, until - time.monotonic())):
                    self.stop()
                    raise PeerError(f"no answer within {self._timeout} s")
                data = self._process.stdout.read1(65536)
                if not data:
                    raise PeerError(self._ended())
                self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def _ended(self):
        """Why the process is gone: the last line it said."""
        code = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip().splitlines()
        self.stop()
        return f"ended with {code}: {said[-1][:200] if said else 'no message'}"


class Result:
    """What one side did in one row: seconds per step, or why there are none. beside: our median in the same rounds; told: what it answered last."""

    def __init__(self, peer, reason=""):
        self.name, self.column, self.times, self.reason, self.beside, self.told = peer.name, peer.column, [], reason, None, {}

    @property
    def seconds(self):
        return statistics.median(self.times) if self.times else None


def difference(outputs, expected, dtype):
    """How far outputs are from what is expected: the largest difference beside the largest value; of 16-bit numbers, whose roundings are many and random,
    the root mean square of the differences beside that of the values."""
    if dtype in SHORT_FLOATS:
        return float(np.sqrt(np.mean(np.square(outputs - expected)) / np.mean(np.square(expected))))
    return float(np.abs(outputs - expected).max() / np.abs(expected).max())


def load(peer, paths, tolerance, expected, **fields):
    """Loads a case; the outputs. With expected, their difference must be within tolerance."""
    peer.ask("load", **paths, **fields)
    path = pathlib.Path(paths["arrays"] + ".out.npy")
    peer.ask("outputs", path=str(path))
    outputs = np.load(path)
    path.unlink()
    if expected is not None:
        if outputs.shape != expected.shape:
            raise PeerError(f"outputs {outputs.shape}, ours {expected.shape}")
        dtype = fields.get("dtype", "float32")
        error = difference(outputs, expected, dtype)
        if not error <= tolerance:
            whose = "ours" if dtype == "float32" else "ours in float32"
            raise PeerError(f"outputs differ from {whose} by {error:.1e}")
    return outputs


def _wide_outputs(ours, paths, fields):
    """Ours in float32, for a row of another dtype; None otherwise. Between two sides the roundings of both would add up."""
    if fields.get("dtype", "float32") == "float32":
        return None
    try:
        return load(ours, paths, 0, None, **{**fields, **ours.fields, "dtype": "float32"})
    except PeerError:
        return None  # the row itself says why
    finally:
        ours.stop()


def _try_load(peers, paths, tolerance, fields):
    """[(peer, result)]. The first side's outputs are what the others must give; of 16-bit rows, its outputs in float32, and it must too."""
    pairs, expected = [], _wide_outputs(peers[0], paths, fields)
    for peer in peers:
        result = Result(peer)
        try:
            outputs = load(peer, paths, tolerance, expected, **{**fields, **peer.fields})
            expected = outputs if expected is None else expected
        except PeerError as error:
            result.reason = str(error)
        pairs.append((peer, result))
    return pairs


def _rounds(pairs, seconds, peaks, ceiling, question):
    """Interleaved bursts until each side had its seconds, at least three of them; peaks gets GFLOP/s, once a round. `question` is asked at the end.

    Every round begins with another side, so that none always follows the same one.
    """
    able = [(peer, result) for peer, result in pairs if not result.reason]
    counts, until, rounds = {}, time.monotonic() + seconds * max(1, len(able)), 0
    while able and (rounds < 3 or time.monotonic() < until):
        peaks.append(ceiling())
        first = rounds % len(able)
        for peer, result in able[first:] + able[:first]:
            time.sleep(PAUSE)
            try:
                peer.ask("step", count=1)  # caches are the last side's
                result.times += peer.ask("step", count=counts.get(peer.name, 1))["seconds"]
                counts[peer.name] = max(1, min(1000, int(BURST / result.seconds)))
            except PeerError as error:
                result.times, result.reason = [], str(error)
                able.remove((peer, result))
        rounds += 1
    for peer, result in able if question else ():
        result.told = peer.ask(question)


def measure(peers, paths, seconds=3, tolerance=1e-3, together=None, ceiling=None, question=None, **fields):
    """([Result], GFLOP/s of the machine meanwhile, by `ceiling` or of its cores). peers[0] is ours. At most `together` others share the memory with it at a
    time; ours is then measured anew beside each group, and ratios stay within a group. question: what every side is asked when it has been timed."""
    ours, others = peers[0], peers[1:]
    size, peaks, results = together or max(1, len(others)), [], []
    groups = [others[i : i + size] for i in range(0, len(others), size)] or [[]]
    total = Result(ours)
    for group in groups:
        pairs = _try_load([ours, *group], paths, tolerance, fields)
        _rounds(pairs, seconds, peaks, ceiling or peak.measure, question)
        for peer, result in pairs:
            result.beside = pairs[0][1].seconds
            if peer.name in (p.name for p in group) or len(groups) == 1:
                results.append(result)
        total.times += pairs[0][1].times
        total.reason, total.told = pairs[0][1].reason, pairs[0][1].told
        for peer in [ours, *group]:
            peer.stop()
    if len(groups) > 1:
        total.beside = total.seconds
        results.insert(0, total)
    return results, max(peaks, default=None)
