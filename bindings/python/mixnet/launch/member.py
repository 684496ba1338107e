"""Runs one member of a group and leaves nothing behind when it ends: a program by itself, which needs Python's library only.

The description is one line of JSON: name, command, env, cwd, key and grace_s. Members that were started one by one read it from their
standard input, which stays open: a line `interrupt` or `stop` is obeyed, and its end means that whoever started the group is gone. Under
mpirun and srun every rank finds the same description, of all members, in MIXNET_LAUNCH and takes its part by its rank.

The command gets a session of its own. Whatever it started, in other sessions too, is ended with it: this process adopts orphans (Linux).
Every line of output gets the member's name in front. The exit code is the command's, 128 + n after signal n.
"""

import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
RANKS = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")
LONGEST_LINE = 1 << 16


def process_control(option, value):
    """prctl, where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def descendants(root):
    """Process ids below `root`, children before their own children."""
    children = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found = list(children.get(root, []))
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def send(pid, number, group=False):
    """A signal to a process that may be gone already."""
    try:
        (os.killpg if group else os.kill)(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def reap(pids):
    """Forgets those of our children that have ended."""
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def end_descendants():
    """SIGKILL to everything below this process, until nothing is left (at most 5 s: what the kernel holds cannot be ended)."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        reap(descendants(os.getpid()))
        left = descendants(os.getpid())
        if not left:
            return
        for pid in left:
            send(pid, signal.SIGKILL)
        time.sleep(0.01)


def own_address(root):
    """The address of this machine that the machine `root` sees; None when there is no route. Sends nothing."""
    try:
        family, _, _, _, address = socket.getaddrinfo(root, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return probe.getsockname()[0]
    except OSError:
        return None


class Lines:
    """Passes on what a pipe gives, line by line, with a prefix; each line is one write."""

    def __init__(self, pipe, target, prefix):
        self.pipe, self._target, self._prefix, self._rest = pipe, target, prefix, b""
        os.set_blocking(pipe.fileno(), False)

    def read(self):
        """False at the end of the pipe."""
        try:
            data = os.read(self.pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return True
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (not data or len(self._rest) > LONGEST_LINE):
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._write(self._prefix + line + b"\n")
        return bool(data)

    def _write(self, data):
        while data:
            data = data[os.write(self._target, data) :]


class Control:
    """Orders from whoever started this member: lines of standard input. Its end is the order to stop."""

    def __init__(self):
        self._rest = b""
        self.description = json.loads(self._line())
        os.set_blocking(0, False)

    def _line(self):
        while b"\n" not in self._rest:
            data = os.read(0, 1 << 16)
            if not data:
                sys.exit("[launch] standard input: expected the description of a member, got nothing")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def read(self):
        """Orders that have come."""
        try:
            data = os.read(0, 4096)
        except BlockingIOError:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode() for line in lines] + ([] if data else ["stop"])


class Member:
    """The command, its output and the orders for it."""

    def __init__(self, description, control):
        self._control, self._grace = control, description.get("grace_s", 5)
        self._deadline, self._level = None, None
        self._selector = selectors.DefaultSelector()
        self._wake, wake_write = os.pipe()
        for end in (self._wake, wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self._selector.register(self._wake, selectors.EVENT_READ, self._signals)
        if control:
            self._selector.register(0, selectors.EVENT_READ, lambda: self._orders(control.read()))
        self._child = self._start(description)
        prefix = f"{description['name']} | ".encode()
        for pipe, target in ((self._child.stdout, 1), (self._child.stderr, 2)):
            self._selector.register(pipe, selectors.EVENT_READ, Lines(pipe, target, prefix))

    def _start(self, description):
        env = {**os.environ, **description["env"]}
        if description.get("key"):
            env["MIXNET_PS_KEY"] = description["key"]
        root = env.get("DMLC_PS_ROOT_URI", "")
        if root and "DMLC_NODE_HOST" not in env:
            env["DMLC_NODE_HOST"] = own_address(root) or root
        control = ctypes.CDLL(None) if sys.platform == "linux" else None
        before = (lambda: control.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)) if control else None
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        options = {"env": env, "cwd": description.get("cwd"), "start_new_session": True, "preexec_fn": before}
        return subprocess.Popen(description["command"], stdin=null, stdout=pipe, stderr=pipe, **options)

    def _signals(self):
        numbers = os.read(self._wake, 4096)
        self._orders(["interrupt"] * (signal.SIGINT in numbers))
        self._orders(["stop"] * (signal.SIGTERM in numbers or signal.SIGHUP in numbers))
        if signal.SIGCHLD in numbers:
            reap(pid for pid in descendants(os.getpid()) if pid != self._child.pid)

    def _orders(self, orders):
        for order in orders:
            if order == "interrupt" and self._level is None:
                self._raise_to("interrupt", signal.SIGINT)
            elif order == "stop" and self._level != "kill":
                self._raise_to("stop", signal.SIGTERM)
            if order == "stop" and self._control:
                self._forget_control()

    def _forget_control(self):
        self._selector.unregister(0)
        self._control = None

    def _raise_to(self, level, number):
        """One more insisting signal; the next one comes after a grace."""
        if level != self._level:
            self._level, self._deadline = level, time.monotonic() + self._grace
            send(self._child.pid, signal.SIGCONT, group=True)
            send(self._child.pid, number, group=True)

    def _overdue(self):
        if self._deadline is not None and time.monotonic() >= self._deadline:
            if self._level == "interrupt":
                self._raise_to("stop", signal.SIGTERM)
            else:
                self._raise_to("kill", signal.SIGKILL)

    def _step(self, wait):
        for key, _ in self._selector.select(wait):
            if isinstance(key.data, Lines):
                if not key.data.read():
                    self._selector.unregister(key.fileobj)
            else:
                key.data()

    def run(self):
        """Exit code of the command."""
        while self._child.poll() is None:
            self._step(None if self._deadline is None else max(0, self._deadline - time.monotonic()))
            self._overdue()
        end_descendants()
        deadline = time.monotonic() + 1
        while any(isinstance(key.data, Lines) for key in self._selector.get_map().values()) and time.monotonic() < deadline:
            self._step(0.05)
        return self._child.returncode if self._child.returncode >= 0 else 128 - self._child.returncode


def of_rank():
    """This rank's part of the description of all: servers come first, then workers."""
    everything = json.loads(os.environ.pop("MIXNET_LAUNCH"))
    rank = next((int(os.environ[name]) for name in RANKS if name in os.environ), None)
    if rank is None:
        sys.exit(f"[launch] rank: expected one of {', '.join(RANKS)} in the environment, got none")
    if not 0 <= rank < len(everything["members"]):
        sys.exit(f"[launch] rank: expected 0 to {len(everything['members']) - 1}, got {rank}")
    shared, own = everything["shared"], everything["members"][rank]
    return {**shared, **own, "env": {**shared["env"], **own["env"]}}


def main():
    process_control(PR_SET_CHILD_SUBREAPER, 1)
    process_control(PR_SET_PDEATHSIG, signal.SIGTERM)
    control = None if "MIXNET_LAUNCH" in os.environ else Control()
    description = control.description if control else of_rank()
    try:
        member = Member(description, control)
    except OSError as error:
        print(f"[launch] {description['name']}: {error.filename}: {error.strerror}", file=sys.stderr, flush=True)
        sys.exit(127)
    try:
        code = member.run()
    except BrokenPipeError:  # nobody reads: whoever started the group is gone
        end_descendants()
        sys.exit(143)
    if control is None and code:
        print(f"[launch] {description['name']} ended with exit code {code}", file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
