"""Members as actors of a Ray cluster: a program of its own connects to Ray (RAY_ADDRESS, or a new cluster on this machine), starts one
actor for each server and worker, and relays what they print. Each actor runs its member through member.py."""

import _thread
import importlib.util
import json
import os
import subprocess
import sys
import threading

from ..base import MXNetError
from . import job as jobs
from . import local
from .processes import Process

POLL_S = 1


class Placed:
    """One member inside an actor."""

    def __init__(self, description):
        pipe = subprocess.PIPE
        command = [sys.executable, "-I", str(jobs.MEMBER)]
        self._popen = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True)
        self._popen.stdin.write(json.dumps(description).encode() + b"\n")
        self._popen.stdin.flush()
        self._lines, self._changed = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._popen.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify()
        with self._changed:
            self._lines.append(None)
            self._changed.notify()

    def poll(self):
        """(bytes that were printed since, exit code or None); waits a moment for either."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines, POLL_S)
            lines, self._lines = self._lines, []
        ended = None in lines
        return b"".join(line for line in lines if line), self._popen.wait() if ended else None


def relay(ray, actors, elastic):
    """Exit code of the first member that failed, which ends the others unless the group is elastic; 0 when all ended well."""
    first, waiting = 0, {actor.poll.remote(): (name, actor) for name, actor in actors.items()}
    while waiting:
        (reference,), _ = ray.wait(list(waiting), num_returns=1)
        name, actor = waiting.pop(reference)
        try:
            output, code = ray.get(reference)
        except ray.exceptions.RayError as error:
            output, code = b"", 1
            print(f"[launch] {name} was lost: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        os.write(1, output)
        if code:
            print(f"[launch] {name} ended with exit code {code}", file=sys.stderr, flush=True)
            first = first or code
            if not elastic:
                break
        if code is None:
            waiting[actor.poll.remote()] = (name, actor)
    return first


def obey():
    """Any order, and the end of standard input, interrupt the main thread."""
    sys.stdin.readline()
    _thread.interrupt_main()


def place(everything):
    """Exit code of all members, run on Ray."""
    import ray

    threading.Thread(target=obey, daemon=True).start()
    ray.init(log_to_driver=False, logging_level="error", ignore_reinit_error=True, include_dashboard=False)
    actor = ray.remote(num_cpus=0)(Placed)
    try:
        return relay(ray, {d["name"]: actor.remote(d) for d in everything["members"]}, everything["elastic"])
    except KeyboardInterrupt:
        return 130
    finally:
        ray.shutdown()


def processes(job):
    """The scheduler here, and one program that speaks to Ray for the rest."""
    if importlib.util.find_spec("ray") is None:
        raise MXNetError("[launch] --launcher ray: expected the package ray, found none (pip install ray)")
    here = [local.process(job, m) for m in jobs.members(job) if m.role == "scheduler"]
    ranks = [m for m in jobs.members(job) if m.role != "scheduler"]
    everything = {"members": [jobs.remote_description(job, m) for m in ranks], "elastic": job.elastic or job.copies > 1}
    program = "import json, sys; from mixnet.launch.on_ray import place; sys.exit(place(json.loads(sys.stdin.readline())))"
    return [*here, Process("ray", [sys.executable, "-c", program], [m.name for m in ranks], json.dumps(everything))]
