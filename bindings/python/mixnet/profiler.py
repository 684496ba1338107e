"""mx.profiler: what runs when, as a table and as a timeline for chrome://tracing or Perfetto.

    mx.profiler.set_config(filename="profile.json")
    mx.profiler.set_state("run")
    ...                                # whatever is to be seen
    mx.nd.waitall()
    mx.profiler.set_state("stop")
    print(mx.profiler.dumps())         # the table
    mx.profiler.dump()                 # the file

Recorded are engine tasks, operators (each step of a bound graph, and those called one by one), calls that issue work or wait, and the bytes
in use of every device. Off, all of it costs one load per place.
"""

import atexit
import contextvars
import json
import os
import threading

from .base import MXNetError, check, ffi, lib, text

_PARTS = {
    "profile_symbolic": lib.MXN_PROFILE_SYMBOLIC,
    "profile_imperative": lib.MXN_PROFILE_IMPERATIVE,
    "profile_memory": lib.MXN_PROFILE_MEMORY,
    "profile_api": lib.MXN_PROFILE_API,
}
_SWITCHES = (*_PARTS, "profile_all", "aggregate_stats", "continuous_dump", "contiguous_dump")
_STATES = {"stop": False, "run": True}
_SORT_KEYS = {"total": "Total", "avg": "Avg", "min": "Min", "max": "Max", "count": "Count"}


class _Session:
    """What this process has asked for; a forked child begins anew."""

    def __init__(self):
        self.filename = "profile.json"
        self.period = None  # seconds between snapshots, None: none
        self.running = False
        self.finished = True  # the next run begins afresh
        self.stop_snapshots = None

    def run(self):
        check(lib.mxn_profiler_set_state(lib.MXN_PROFILER_RUN if self.finished else lib.MXN_PROFILER_RESUME))
        self.running, self.finished = True, False
        if self.period is not None and self.stop_snapshots is None:
            self.stop_snapshots = threading.Event()
            threading.Thread(target=self._snapshots, args=(self.stop_snapshots, self.period), daemon=True).start()

    def stop(self):
        check(lib.mxn_profiler_set_state(lib.MXN_PROFILER_STOP))
        self.running = False
        if self.stop_snapshots is not None:
            self.stop_snapshots.set()
            self.stop_snapshots = None

    def _snapshots(self, ended, period):
        while not ended.wait(period):
            try:
                _write(self.filename)
            except MXNetError:
                return  # dump() will say it where somebody listens


_session = _Session()


def _forked():
    global _session
    fresh = _Session()
    fresh.filename = _session.filename
    _session = fresh


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _write(path):
    check(lib.mxn_profiler_dump(os.fsencode(path)))


def _expect(condition, argument, expected, got):
    if not condition:
        raise MXNetError(f"[profiler] {argument}: expected {expected}, got {got!r}")


def _worker_only(profile_process):
    _expect(profile_process == "worker", "profile_process", "'worker' (this build has no server processes)", profile_process)


def set_config(**kwargs):
    """Says what is recorded and where `dump` writes.

    filename ('profile.json'); profile_symbolic, profile_imperative, profile_memory, profile_api: what is recorded besides engine tasks
    and the program's own events, all True unless said; profile_all=True: everything, whatever the others say; continuous_dump=True: write the
    file every dump_period (1) seconds too; max_events (1,048,576): how many are kept, 128 bytes each. aggregate_stats is accepted: tables can always be
    had. Raises MXNetError for anything else.
    """
    known = (*_SWITCHES, "filename", "dump_period", "profile_process", "max_events")
    for key, value in kwargs.items():
        _expect(key in known, "set_config", "one of " + ", ".join(known), key)
        _expect(key not in _SWITCHES or value in (True, False), key, "True or False", value)
    _worker_only(kwargs.get("profile_process", "worker"))
    filename = kwargs.get("filename", _session.filename)
    _expect(isinstance(filename, (str, os.PathLike)) and os.fspath(filename), "filename", "a path", filename)
    period = kwargs.get("dump_period", 1.0)
    _expect(isinstance(period, (int, float)) and period > 0, "dump_period", "seconds above 0", period)
    most = kwargs.get("max_events", 0)
    _expect(isinstance(most, int) and 0 <= most < 1 << 40, "max_events", "a number of events", most)
    parts = lib.MXN_PROFILE_ENGINE | lib.MXN_PROFILE_USER
    for key, bit in _PARTS.items():
        if kwargs.get("profile_all") or kwargs.get(key, True):
            parts |= bit
    check(lib.mxn_profiler_set_options(parts, most))
    _session.filename = os.fspath(filename)
    _session.period = float(period) if kwargs.get("continuous_dump") or kwargs.get("contiguous_dump") else None


def set_state(state="stop", profile_process="worker"):
    """'run' records from now on, 'stop' ends it. After a finished `dump` a run begins afresh; otherwise it adds to what there is."""
    _expect(state in _STATES, "state", "'run' or 'stop'", state)
    _worker_only(profile_process)
    _session.run() if _STATES[state] else _session.stop()


def start():
    """set_state('run')."""
    set_state("run")


def stop():
    """set_state('stop')."""
    set_state("stop")


def pause(profile_process="worker"):
    """Records nothing until `resume`, if the profiler runs."""
    _worker_only(profile_process)
    check(lib.mxn_profiler_set_state(lib.MXN_PROFILER_STOP))


def resume(profile_process="worker"):
    """Goes on after `pause`."""
    _worker_only(profile_process)
    if _session.running:
        check(lib.mxn_profiler_set_state(lib.MXN_PROFILER_RESUME))


def dump(finished=True, profile_process="worker"):
    """Writes what was recorded so far to the configured file. finished: stops, and the next run begins afresh."""
    _worker_only(profile_process)
    if finished:
        _session.stop()
    _write(_session.filename)
    _session.finished = _session.finished or bool(finished)


def dumps(reset=False, format="table", sort_by="total", ascending=False):
    """The sums by category and name, as text.

    format: 'table' or 'json'; sort_by: 'total', 'avg', 'min', 'max' or 'count'. reset: the next call sums what comes after this one; files keep
    all events. Times are milliseconds, memory is in kB (1,000 bytes).
    """
    _expect(format in ("table", "json"), "format", "'table' or 'json'", format)
    _expect(sort_by in _SORT_KEYS, "sort_by", "one of " + ", ".join(_SORT_KEYS), sort_by)
    _expect(ascending in (True, False), "ascending", "True or False", ascending)
    out = ffi.new("char **")
    check(lib.mxn_profiler_aggregate(int(bool(reset)), out))
    sums = json.loads(text(out[0]))
    for kind in ("Time", "Memory", "Counter"):
        sums[kind] = {category: _sorted(names, _SORT_KEYS[sort_by], ascending) for category, names in sums[kind].items()}
    return json.dumps(sums, indent=4) if format == "json" else _table(sums)


def _sorted(names, key, ascending):
    return dict(sorted(names.items(), key=lambda item: item[1].get(key, item[1]["Max"]), reverse=not ascending))


def _table(sums):
    columns = {
        "Time": {"Count": "Total Count", "Total": "Time (ms)", "Min": "Min Time (ms)", "Max": "Max Time (ms)", "Avg": "Avg Time (ms)"},
        "Memory": {"Count": "Total Count", "Min": "Min Use (kB)", "Max": "Max Use (kB)", "Avg": "Avg Use (kB)"},
        "Counter": {"Count": "Total Count", "Min": "Min Value", "Max": "Max Value", "Avg": "Avg Value"},
    }
    lines = ["", "Profile Statistics"]
    for kind, titles in columns.items():
        for category, names in sums[kind].items():
            width = max(30, *(len(name) for name in names))
            lines += ["", category, "=" * len(category), f"{'Name':<{width}}" + "".join(f"{title:>16}" for title in titles.values())]
            for name, row in names.items():
                numbers = (f"{row[key]:>16}" if key == "Count" else f"{row[key]:>16.4f}" for key in titles)
                lines.append(f"{name:<{width}}" + "".join(numbers))
    if sums["Dropped"]:
        lines += ["", f"{sums['Dropped']} events found no room: see max_events of set_config"]
    return "\n".join(lines) + "\n"


def profiler_set_config(mode="symbolic", filename="profile.json"):
    """The old name: mode is 'symbolic', 'imperative', 'api', 'memory' or 'all'."""
    modes = {key[len("profile_") :]: key for key in _PARTS}
    _expect(mode == "all" or mode in modes, "mode", "one of all, " + ", ".join(modes), mode)
    set_config(filename=filename, **{key: mode in ("all", name) for name, key in modes.items()})


def profiler_set_state(state="stop"):
    """The old name of set_state."""
    set_state(state)


def dump_profile():
    """The old name of dump(True)."""
    dump(True)


def set_kvstore_handle(handle):
    """For profiling server processes, which this build does not have: raises MXNetError unless handle is None."""
    _expect(handle is None, "set_kvstore_handle", "None (this build has no server processes)", handle)


def _record(domain, name, kind, begin=0, value=0):
    check(lib.mxn_profiler_event(domain.encode(), name.encode(), kind, begin, value))


def _now():
    out = ffi.new("int64_t *")
    check(lib.mxn_profiler_now(out))
    return out[0]


class Domain:
    """A group of the program's own events: their category."""

    def __init__(self, name):
        _expect(isinstance(name, str), "name", "a text", name)
        self.name = name

    def __str__(self):
        return self.name

    def new_task(self, name):
        """A Task of this domain."""
        return Task(self, name)

    def new_frame(self, name):
        """A Frame of this domain."""
        return Frame(self, name)

    def new_counter(self, name, value=None):
        """A Counter of this domain."""
        return Counter(self, name, value)

    def new_marker(self, name):
        """A Marker of this domain."""
        return Marker(self, name)


class _Named:
    def __init__(self, domain, name):
        _expect(isinstance(domain, Domain), "domain", "a Domain", domain)
        _expect(isinstance(name, str), "name", "a text", name)
        self.domain, self.name = domain, name

    def __str__(self):
        return self.name


class _Duration(_Named):
    """From start() to stop(), or the length of a `with` block; any number of times, on any thread."""

    _begin = None

    def start(self):
        """Begins."""
        self._begin = _now()

    def stop(self):
        """Ends, and is recorded if the profiler runs."""
        _expect(self._begin is not None, f"{self.name}.stop", "start() before", "none")
        begin, self._begin = self._begin, None
        _record(self.domain.name, self.name, lib.MXN_PROFILER_SPAN, begin)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Task(_Duration):
    """A piece of work of a domain."""


class Frame(_Duration):
    """One of many rounds: a batch, an image."""


class Event(_Duration):
    """A stretch of time without a domain."""

    def __init__(self, name):
        super().__init__(Domain("event"), name)


class Counter(_Named):
    """A number over time; whole numbers."""

    def __init__(self, domain, name, value=None):
        super().__init__(domain, name)
        self.value = 0
        if value is not None:
            self.set_value(value)

    def set_value(self, value):
        """The number is `value` from now on."""
        _expect(isinstance(value, int) and -(2**63) <= value < 2**63, self.name, "a whole number of 64 bits", value)
        self.value = value
        _record(self.domain.name, self.name, lib.MXN_PROFILER_COUNTER, 0, value)

    def increment(self, delta=1):
        """Adds to the number."""
        self.set_value(self.value + delta)

    def decrement(self, delta=1):
        """Takes from the number."""
        self.set_value(self.value - delta)

    def __iadd__(self, delta):
        self.increment(delta)
        return self

    def __isub__(self, delta):
        self.decrement(delta)
        return self


class Marker(_Named):
    """A moment."""

    def mark(self, scope="process"):
        """Now. scope: 'global', 'process', 'thread', 'task' or 'marker'; all look alike."""
        _expect(scope in ("global", "process", "thread", "task", "marker"), "scope", "global, process, thread, task or marker", scope)
        _record(self.domain.name, self.name, lib.MXN_PROFILER_INSTANT)


_prefix = contextvars.ContextVar("mixnet profiler scope", default="")


class scope:
    """A named part of the program: with mx.profiler.scope('encoder:'). Names of inner scopes follow the outer ones' unless append_mode=False."""

    def __init__(self, name="<unk>:", append_mode=True):
        _expect(isinstance(name, str), "name", "a text", name)
        self.name = name if name.endswith(":") else name + ":"
        self.append = append_mode

    def __enter__(self):
        full = _prefix.get() + self.name if self.append else self.name
        self._token, self._begin = _prefix.set(full), _now()
        return self

    def __exit__(self, *_):
        full = _prefix.get()
        _prefix.reset(self._token)
        _record("scope", full.rstrip(":") or full, lib.MXN_PROFILER_SPAN, self._begin)


def _autostart():
    """MIXNET_PROFILER_AUTOSTART=1: the whole program is recorded, into profile.json."""
    set_state("run")
    pid = os.getpid()

    def finish():
        if os.getpid() == pid and not _session.finished:
            dump(True)

    atexit.register(finish)
