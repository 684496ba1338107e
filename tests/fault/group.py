"""A group of real processes for the tests of faults: a scheduler, servers and workers (program.py), each with its output at hand, that can
be held at a phase, killed, stopped and started again. Leaving the `with` ends whatever is left."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import mixnet as mx
from mixnet.launch.command import Reservation

PROGRAM = pathlib.Path(__file__).with_name("program.py")
PACKAGE = pathlib.Path(mx.__file__).resolve().parents[1]
LIMIT_S = 10  # without a line from anybody before all have ended: longer is a hang
NET = -7


class Process:
    """One member; `inside` are words in front of its command (ip netns exec ...)."""

    def __init__(self, name, command, env, inside=()):
        self.name, self.lines, self.killed, self.paused = name, [], False, False
        self._changed, self.heard = threading.Condition(), time.monotonic()
        everything = {k: v for k, v in os.environ.items() if not k.startswith(("DMLC_", "MIXNET_PS_", "FAULT_"))}
        everything |= {"PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "1", **env}
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen([*inside, *command], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=everything)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._popen.stdout:
            with self._changed:
                self.lines.append(line.rstrip())
                self.heard = time.monotonic()
                self._changed.notify_all()
        with self._changed:
            self.lines.append("")
            self._changed.notify_all()

    def wait_for(self, line, seconds=30):
        """Waits until a line was printed."""
        with self._changed:
            self._changed.wait_for(lambda: line in self.lines or "" in self.lines, seconds)
            assert line in self.lines, f"{self.name}: expected {line!r}, got {self.lines}"

    def release(self):
        """Lets it go on from the phase at which it is held."""
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.write("\n")
            self._popen.stdin.flush()

    def send(self, number):
        self.killed = self.killed or number == signal.SIGKILL
        self.paused = self.paused or number == signal.SIGSTOP
        self._popen.send_signal(number)

    def ended(self):
        """Exit code, or None; once there is one, all its output is there."""
        code = self._popen.poll()
        if code is not None:
            self._reader.join(5)
        return code

    def result(self):
        """What a worker said at the end."""
        found = [line for line in self.lines if line.startswith("result ")]
        return json.loads(found[-1].partition(" ")[2]) if found else {}

    def close(self):
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()
        self._reader.join(5)
        self._popen.stdin.close()
        self._popen.stdout.close()


class Group:
    """`hold`: the phase at which workers wait for release(); `spaces`: {role and rank: words in front}; `env`: for all."""

    def __init__(self, folder, workers=2, servers=2, timeout_s=1, hold=None, elastic=False, env=None, spaces=None, address="127.0.0.1", port=None):
        self._sizes = {"worker": workers, "server": servers, "scheduler": 1}
        self._spaces, self.members, self.all = spaces or {}, {}, []
        self._kept = None if port else Reservation(address)
        self._env = {
            "DMLC_PS_ROOT_URI": address,
            "DMLC_PS_ROOT_PORT": str(port or self._kept.port),
            "DMLC_NUM_WORKER": str(workers),
            "DMLC_NUM_SERVER": str(servers),
            "MIXNET_PS_TIMEOUT_S": str(timeout_s),
            "FAULT_FOLDER": str(folder),
            **({"MIXNET_PS_ELASTIC": "1", "FAULT_ELASTIC": "1"} if elastic else {}),
            **({"FAULT_HOLD": hold} if hold else {}),
            **(env or {}),
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.all:
            process.close()
        if self._kept:
            self._kept.close()

    def start(self, role, rank=0, **env):
        """Starts one member, again if it has been there before."""
        name = f"{role} {rank}"
        mine = {**self._env, "DMLC_ROLE": role, f"DMLC_{role.upper()}_ID": str(rank), **env}
        command = [sys.executable, str(PROGRAM)] if role == "worker" else [sys.executable, "-m", "mixnet", "serve"]
        self.members[name] = process = Process(name, command, mine, self._spaces.get(name, ()))
        self.all.append(process)
        return process

    def start_all(self, without=()):
        for role, count in (("scheduler", 1), ("server", self._sizes["server"]), ("worker", self._sizes["worker"])):
            for rank in range(count):
                if f"{role} {rank}" not in without:
                    self.start(role, rank)
        return self

    @property
    def workers(self):
        return [process for name, process in self.members.items() if name.startswith("worker")]

    def wait_phase(self, phase, step=0):
        for worker in self.workers:
            try:
                worker.wait_for(f"phase {phase} {step}")
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.log()}") from None

    def release(self):
        for worker in self.workers:
            worker.release()

    def finish(self, lost=None, must_fail=False, limit_s=LIMIT_S):
        """Checks every survivor: it ends in time, workers with the reference weights or with an error that names who was lost."""
        begin = time.monotonic()
        while any(p.ended() is None for p in self.all):
            if time.monotonic() - max(begin, *(p.heard for p in self.all)) > limit_s:
                break
            time.sleep(0.02)
        complaints = [f"{p.name} hangs" for p in self.all if p.ended() is None]
        for process in self.all:
            if process.ended() is not None and not process.killed:
                complaints += self._judge(process, process.ended(), lost, must_fail)
        assert not complaints, "; ".join(complaints) + "\n" + self.log()

    def _judge(self, process, code, lost, must_fail):
        name = process.name
        if code < 0 or any("Traceback" in line for line in process.lines):
            return [f"{name} ended with exit code {code}"]
        if not name.startswith("worker"):
            return []
        result = process.result()
        if result.get("weights") == "reference":
            return [f"{name} noticed nothing"] if must_fail else []
        if "error" not in result:
            return [f"{name} gave {result}"]
        if not lost:
            return [f"{name} failed: {result['error']}"]
        # To one that was paused the others seem to be gone.
        names = [""] if process.paused else [lost] if isinstance(lost, str) else lost
        if result["code"] != NET or not any(text in result["error"] for text in names):
            return [f"{name}: expected an error of code {NET} about {' or '.join(names)}, got {result}"]
        return []

    def log(self):
        return "\n".join(f"{p.name}: {line}" for p in self.all for line in p.lines if line)
