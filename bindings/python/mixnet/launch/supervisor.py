"""Starts processes, relays what they print, and sees to it that all of them end together.

Rules: a member that fails ends the group, and its exit code is the group's. With `restart` the whole group begins anew that many times;
with `elastic` too only the member that failed does, and where it may not begin again the others go on without it. When every worker has
ended, servers and scheduler have a grace to end by themselves. On return no process is left.
"""

import os
import selectors
import signal
import subprocess
import sys
import time

from .member import Lines, end_descendants, process_control

PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.1
TIMEOUT_S = 5  # of a group that was given none, as the library has it


def say(text):
    """One line about the group."""
    print(f"[launch] {text}", file=sys.stderr, flush=True)


def how(code):
    """An exit code in words."""
    number = -code if code < 0 else code - 128
    if code < 0 or code > 128:
        try:
            return f"was ended by {signal.Signals(number).name}"
        except ValueError:
            pass
    return f"ended with exit code {code}"


class Running:
    """A process that has been started."""

    def __init__(self, process, selector):
        self.process, self.selector, self.restarts, self.due = process, selector, 0, None
        self._start()

    def _start(self):
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        stdin = null if self.process.first_line is None else pipe
        env = {**os.environ, **self.process.env}
        self.popen = subprocess.Popen(self.process.command, stdin=stdin, stdout=pipe, stderr=pipe, env=env, start_new_session=True)
        self._open = {}
        for source, target in ((self.popen.stdout, sys.stdout), (self.popen.stderr, sys.stderr)):
            self._open[source] = Lines(source, target.fileno(), b"")
            self.selector.register(source, selectors.EVENT_READ, self)
        if stdin == pipe:
            self._tell((self.restarts and self.process.again) or self.process.first_line)

    def again(self):
        """The same process once more."""
        self.due = None
        self._start()

    def read(self, source):
        """Relays what there is. When nobody reads what we relay, the member is told by a pipe without a reader, too."""
        try:
            if source in self._open and not self._open[source].read():
                self._close(source)
        except BrokenPipeError:
            self._close(source)

    def _close(self, source):
        self.selector.unregister(source)
        source.close()
        del self._open[source]

    def drain(self):
        """Relays the rest of a process that has ended."""
        for source in list(self._open):
            self.read(source)
            if source in self._open:
                self._close(source)
        if self.popen.stdin and not self.popen.stdin.closed:
            self._end_input()

    def _tell(self, line):
        try:
            self.popen.stdin.write(line.encode() + b"\n")
            self.popen.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def _end_input(self):
        try:
            self.popen.stdin.close()
        except BrokenPipeError:
            pass

    def interrupt(self):
        """Ctrl-C for the member."""
        self._order("interrupt", signal.SIGINT)

    def stop(self):
        """The member is asked to end and is made to after its grace."""
        self._order("stop", signal.SIGTERM)

    def _order(self, line, number):
        if self.popen.poll() is None:
            if self.popen.stdin:
                self._tell(line)
            else:
                self.popen.send_signal(number)

    def kill(self):
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)


class Supervisor:
    """One attempt to run a group."""

    def __init__(self, job, processes, signals):
        self._job, self._signals = job, signals
        self._selector = selectors.DefaultSelector()
        self.failure = None  # (name, exit code) of what failed first
        self._running, self._succeeded, self._over = [], set(), False
        try:
            for process in processes:
                self._running.append(Running(process, self._selector))
        except OSError as error:
            self._end()
            self.failure = (process.name, 127)
            say(f"{process.name}: {error.filename}: {error.strerror}")

    def run(self):
        """Exit code of the group."""
        closing = None
        while self._running and not self._signals.number:
            self._relay(POLL_S)
            for running in [r for r in self._running if r.popen.poll() is not None]:
                if running.due is None:
                    self._ended(running)
                elif time.monotonic() >= running.due:
                    self._again(running)
            if self._over or (closing and time.monotonic() > closing):
                break
            if closing is None and not self._workers_left():
                closing = time.monotonic() + self._job.grace_s
        if self._signals.number == signal.SIGINT:
            self._all_within(Running.interrupt, self._job.grace_s)
        self._end()
        return self._code()

    def _code(self):
        if self._signals.number:
            return 128 + self._signals.number
        gone_on = self._succeeded and not self._over
        return self.failure[1] if self.failure and not gone_on else 0

    def _again(self, running):
        others = [r for r in self._running if r is not running and r.popen.poll() is None]
        if self._job.servers and not any(r.process.name == "scheduler" for r in others):
            running.restarts = self._job.restart
            running.due = None
        else:
            running.again()

    def _workers_left(self):
        return any(not name.startswith(("scheduler", "server")) for r in self._running for name in r.process.covers)

    def _relay(self, wait):
        for key, _ in self._selector.select(wait):
            key.data.read(key.fileobj)

    def _ended(self, running):
        code, name = running.popen.returncode, running.process.name
        code = code if code >= 0 else 128 - code
        again = self._job.elastic and self._job.restart > running.restarts and not (name == "scheduler" or self._is_copied(name))
        if code and again and self._workers_left():
            running.restarts += 1
            say(f"{name} {how(code)}; it begins again ({running.restarts} of {self._job.restart})")
            running.drain()
            # The group takes another in its place only when it has noticed the loss.
            noticed = (self._job.timeout_s or TIMEOUT_S) * 1.2 if self._job.servers else 0
            running.due = time.monotonic() + noticed
            return
        running.drain()
        self._running.remove(running)
        if not code:
            self._succeeded.update(n for n in running.process.covers if n.startswith("worker"))
        elif not self._over:
            self.failure = self.failure or (name, code)
            self._over = name == "scheduler" or not (self._job.elastic or self._is_copied(name))
            then = "" if not self._running else "; ending the others" if self._over else "; the others go on"
            say(f"{name} {how(code)}{then}")

    def _is_copied(self, name):
        """Whether others hold what this one held: the group itself ends when the last is gone."""
        return self._job.copies > 1 and name.startswith("server")

    def _all_within(self, order, seconds):
        """Gives an order to all, and waits for them."""
        for running in self._running:
            order(running)
        deadline = time.monotonic() + seconds
        while any(r.popen.poll() is None for r in self._running) and time.monotonic() < deadline and self._signals.count < 2:
            self._relay(POLL_S)

    def _end(self):
        self._all_within(Running.stop, self._job.grace_s + 2)
        self._all_within(Running.kill, 5)
        for running in self._running:
            running.drain()
        self._running = []
        self._selector.close()


class Signals:
    """The first of SIGINT, SIGTERM and SIGHUP that came, and how many did. A second one ends everything at once."""

    def __init__(self):
        self.number, self.count = 0, 0

    def _take(self, number, _):
        self.number, self.count = self.number or number, self.count + 1

    def __enter__(self):
        self._old = {n: signal.signal(n, self._take) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(self, *_):
        for number, old in self._old.items():
            signal.signal(number, old)


def supervise(make_job, make_processes):
    """Exit code of the group, begun anew as often as its job says. Needs the main thread; adopts, and ends, whatever is orphaned."""
    process_control(PR_SET_CHILD_SUBREAPER, 1)
    attempt = 0
    with Signals() as signals:
        while True:
            job = make_job(attempt)
            supervisor = Supervisor(job, make_processes(job), signals)
            code = supervisor.run()
            end_descendants()
            if not code or signals.number or job.elastic or attempt >= job.restart:
                return code
            attempt += 1
            say(f"the group begins again ({attempt} of {job.restart})")
