"""What is to be started: the members of a group, their environment, where they run. Pure: nothing is started here.

A group is a scheduler (on the machine that launches), servers and workers; without servers there is no scheduler. Ranks are wanted
ranks: the group may give others. Under one program that places all ranks (mpirun, srun) servers come first, then workers.
"""

import dataclasses
import json
import os
import pathlib
import sys
import typing

from ..base import MXNetError
from . import member

MEMBER = pathlib.Path(member.__file__).resolve()
PASSED_ON = ("MIXNET_", "MXNET_", "OMP_", "DMLC_", "PYTHONPATH")
SECRET = ("MIXNET_PS_KEY", "MIXNET_PS_KEY_FILE", "MIXNET_LAUNCH")
LOOPBACK = ("localhost", "127.", "::1")


@dataclasses.dataclass
class Job:
    """Everything `mixnet launch` was asked for."""

    command: list
    workers: int = 1
    servers: int = 0
    hosts: list = dataclasses.field(default_factory=list)  # (name, slots), in the order of the file
    key: typing.Optional[tuple] = None  # (public, secret) in Z85
    key_file: typing.Optional[str] = None
    env: dict = dataclasses.field(default_factory=dict)
    elastic: bool = False
    copies: int = 1
    restart: int = 0
    timeout_s: typing.Optional[float] = None
    address: str = "127.0.0.1"
    port: int = 0
    cwd: str = dataclasses.field(default_factory=os.getcwd)
    python: str = sys.executable
    updater: typing.Optional[str] = None
    restore: typing.Optional[str] = None
    grace_s: float = 5
    attempt: int = 0

    def serve_command(self):
        """What the scheduler and the servers run."""
        return [self.python, "-m", "mixnet", "serve", *(["--updater", self.updater] if self.updater else [])]


@dataclasses.dataclass
class Member:
    """One process of the group."""

    role: str
    rank: int
    command: list

    @property
    def name(self):
        return self.role if self.role == "scheduler" else f"{self.role} {self.rank}"


def members(job):
    """The scheduler if there are servers, the servers, the workers."""
    serve = job.serve_command()
    found = [Member("scheduler", 0, serve)] if job.servers else []
    found += [Member("server", i, serve) for i in range(job.servers)]
    return found + [Member("worker", i, list(job.command)) for i in range(job.workers)]


def environment(job, member):
    """Variables of one member, without the key."""
    env = {
        "DMLC_ROLE": member.role,
        "DMLC_PS_ROOT_URI": job.address,
        "DMLC_PS_ROOT_PORT": str(job.port),
        "DMLC_NUM_WORKER": str(job.workers),
        "DMLC_NUM_SERVER": str(job.servers),
        "MIXNET_LAUNCH_ATTEMPT": str(job.attempt),
        "PYTHONUNBUFFERED": "1",
        **job.env,
    }
    if member.role != "scheduler":
        env[f"DMLC_{member.role.upper()}_ID"] = str(member.rank)
    if job.timeout_s is not None:
        env["MIXNET_PS_TIMEOUT_S"] = f"{job.timeout_s:g}"
    if job.elastic:
        env["MIXNET_PS_ELASTIC"] = "1"
    if job.copies > 1:
        env["MIXNET_PS_COPIES"] = str(job.copies)
    return env


def inherited():
    """Variables of this process that members on other machines get too: settings of the library, and where Python looks for modules."""
    return {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON) and name not in SECRET}


def local_description(job, member):
    """For a member on this machine, which inherits the environment and can read the key's file."""
    env = environment(job, member)
    if job.key_file:
        env["MIXNET_PS_KEY_FILE"] = job.key_file
    return {"name": member.name, "command": member.command, "env": env, "cwd": job.cwd, "grace_s": job.grace_s}


def remote_description(job, member):
    """For a member on another machine: the key travels in the description."""
    env = {**inherited(), **environment(job, member)}
    key = job.key[1] if job.key else None
    return {"name": member.name, "command": member.command, "env": env, "cwd": job.cwd, "grace_s": job.grace_s, "key": key}


def ranks_description(job):
    """For mpirun and srun: the shared part once, and what differs between the ranks."""
    ranks = [m for m in members(job) if m.role != "scheduler"]
    each = []
    for m in ranks:
        own = {name: value for name, value in environment(job, m).items() if name in ("DMLC_ROLE", "DMLC_SERVER_ID", "DMLC_WORKER_ID")}
        each.append({"name": m.name, "command": m.command, "env": own})
    shared = {name: value for name, value in environment(job, ranks[0]).items() if name not in each[0]["env"]}
    return {"shared": {"env": {**inherited(), **shared}, "cwd": job.cwd, "grace_s": job.grace_s}, "members": each}


def again(job, member, description):
    """The description for a server that comes for one that was lost, as JSON; None where it is the same."""
    if member.role != "server" or not job.restore:
        return None
    return json.dumps({**description, "env": {**description["env"], "MIXNET_PS_RESTORE": job.restore}})


def is_loopback(address):
    return address.startswith(LOOPBACK)


def read_hosts(path):
    """[(host, slots)] of a file: one host a line, `host`, `host:slots` or `host slots=N`; `#` starts a comment."""
    found = []
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except OSError as error:
        raise MXNetError(f"[launch] hosts: {path}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].replace("slots=", "").split()
        if not words:
            continue
        host, _, slots = words[0].partition(":") if words[0].count(":") == 1 else (words[0], "", "")
        slots = words[1] if len(words) > 1 else slots or "1"
        if len(words) > 2 or not slots.isdigit() or int(slots) < 1 or not is_host(host):
            raise MXNetError(f"[launch] {path}:{number}: expected a host and its slots, got {line.strip()!r}")
        found.append((host, int(slots)))
    if not found:
        raise MXNetError(f"[launch] hosts: expected at least one in {path}, got none")
    return found


def is_host(text):
    """A name, an address, with or without a user: nothing that ssh or mpirun could take for an option or several words."""
    return bool(text) and not text.startswith("-") and all(c.isalnum() or c in "-_.:@[]%" for c in text)


def places(job):
    """{member's name: host}: servers, then workers, go round the hosts, as often on each as it has slots."""
    slots = [host for host, count in job.hosts for _ in range(count)]
    placed = [m for m in members(job) if m.role != "scheduler"]
    return {m.name: slots[i % len(slots)] for i, m in enumerate(placed)}
