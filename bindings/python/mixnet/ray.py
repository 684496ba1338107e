"""Training on a Ray cluster: `run` makes the scheduler, the servers and the workers actors, begins again when one dies, and resumes from the
last checkpoint. Needs the package `ray`.

Nothing of the store between machines goes through Ray: members find each other as they do everywhere, by the environment of their process.
"""

import dataclasses
import importlib.util
import os
import pathlib
import re
import typing

from .base import MXNetError
from .launch import command, job, keys
from .ndarray import load

CLOSE_S = 10


@dataclasses.dataclass
class Context:
    """What a training function is given. `epoch`: the number of the last checkpoint, 0 if there is none."""

    rank: int
    num_workers: int
    attempt: int
    checkpoint: typing.Optional[str] = None
    epoch: int = 0


def last_epoch(prefix):
    """The highest N of a readable `prefix-N.params`, 0 if there is none: one that was being written when its writer died does not count."""
    path = pathlib.Path(prefix)
    pattern = re.compile(re.escape(path.name) + r"-(\d{4,})\.params")
    found = sorted((int(m[1]), str(p)) for p in path.parent.glob("*.params") for m in [pattern.fullmatch(p.name)] if m)
    for epoch, file in reversed(found):
        try:
            load(file)
            return epoch
        except MXNetError:
            continue
    return 0


class Placed:
    """One member, inside an actor."""

    def place(self):
        """(address, port) for a scheduler."""
        import ray

        address = ray.util.get_node_ip_address()
        self._kept = command.Reservation(address)
        return address, self._kept.port

    def last_epoch(self, prefix):
        return last_epoch(prefix)

    def run(self, env, function, context):
        """What the training function returns; nothing from a server or the scheduler, when the group has ended."""
        for name in [n for n in os.environ if n.startswith("DMLC_")]:
            del os.environ[name]
        os.environ.update(env)
        if env["DMLC_ROLE"] == "worker":
            return function(context)
        from .kvstore_server import serve

        return serve()


class Group:
    """One attempt: all actors, and what they gave."""

    def __init__(self, ray, work, function, options):
        self._ray, self._work, self._function = ray, work, function
        self._make = ray.remote(**options)(Placed)
        self._actors, self._waiting, self._results = {}, {}, {}

    def run(self, checkpoint):
        """[result of each worker]; MXNetError when a member failed."""
        work = self._work
        for member in job.members(work):
            self._actors[member.name] = self._make.remote()
        epoch = 0
        try:
            if work.servers:
                work.address, work.port = self._ray.get(self._actors["scheduler"].place.remote())
            if checkpoint:
                epoch = self._ray.get(self._actors["worker 0"].last_epoch.remote(checkpoint))
        except self._ray.exceptions.RayError as error:
            raise MXNetError(f"[ray] group: an actor was lost before it began: {_line(error)}") from error
        for member in job.members(work):
            self._begin(member, Context(member.rank, work.workers, work.attempt, checkpoint, epoch))
        while len(self._results) < work.workers:
            self._next(None)
        # Servers and scheduler end by themselves once the workers have.
        while self._waiting and self._next(CLOSE_S):
            pass
        return [self._results[f"worker {i}"] for i in range(work.workers)]

    def _begin(self, member, context):
        env = {**job.inherited(), **job.environment(self._work, member)}
        if self._work.key:
            env["MIXNET_PS_KEY"] = self._work.key[1]
        self._waiting[self._actors[member.name].run.remote(env, self._function, context)] = member

    def _next(self, seconds):
        """Takes what ends next; False when nothing does in time."""
        ready, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=seconds)
        for reference in ready:
            member = self._waiting.pop(reference)
            try:
                result = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise MXNetError(f"[ray] {member.name} failed: {_line(error.cause or error)}") from error
            except self._ray.exceptions.RayError as error:
                raise MXNetError(f"[ray] {member.name} was lost: {_line(error)}") from error
            if member.role == "worker":
                self._results[member.name] = result
        return bool(ready)

    def end(self):
        """Ends all actors."""
        for actor in self._actors.values():
            self._ray.kill(actor)


def _line(error):
    """The first line of an error's text that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _checked(train_function, num_workers, num_servers, restarts):
    if not callable(train_function):
        raise TypeError(f"[ray] train_function: expected a function of a Context, got {type(train_function).__name__}")
    for name, value, least in (("num_workers", num_workers, 1), ("num_servers", num_servers, 0), ("restarts", restarts, 0)):
        if not isinstance(value, int) or value < least:
            raise MXNetError(f"[ray] {name}: expected a whole number from {least} on, got {value!r}")
    if importlib.util.find_spec("ray") is None:
        raise ImportError("[ray] expected the package ray, found none (pip install ray)")


def run(train_function, num_workers=1, num_servers=1, restarts=0, checkpoint=None, env=None, timeout_s=None, actor_options=None):
    """Runs train_function(Context) on `num_workers` actors beside `num_servers` servers and gives the list of what each returned.

    When a member dies or fails, all begin again, up to `restarts` times, with Context.epoch as the number of the last readable checkpoint
    `checkpoint`-NNNN.params (as mx.callback.do_checkpoint writes them, in a folder that all machines see); after that, MXNetError says who
    it was. `env` is given to all members; `actor_options` are those of ray.remote, such as {"num_cpus": 2}, for every actor.
    """
    _checked(train_function, num_workers, num_servers, restarts)
    import ray

    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=True)
    pair = keys.make() if num_servers else None
    for attempt in range(restarts + 1):
        work = job.Job([], num_workers, num_servers, key=pair, env=dict(env or {}), timeout_s=timeout_s, attempt=attempt)
        group = Group(ray, work, train_function, {**(actor_options or {}), "max_restarts": 0})
        try:
            return group.run(checkpoint)
        except MXNetError:
            if attempt == restarts:
                raise
        finally:
            group.end()
