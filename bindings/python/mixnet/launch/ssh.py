"""Members on other machines by ssh. The command line holds the folder, Python and a fixed text; all else, the key too, is told through
the encrypted connection. When the connection ends, so does the member."""

import json
import os
import shlex

from . import job as jobs
from . import local
from .processes import Process

# Finds member.py of the mixnet that the other machine has, without loading the library.
FIND = (
    "import importlib.util as u, pathlib, runpy, sys; s = u.find_spec('mixnet') or sys.exit('[launch] mixnet is not installed here'); "
    "runpy.run_path(str(pathlib.Path(s.origin).with_name('launch') / 'member.py'), run_name='__main__')"
)


def remote_command(job):
    """Text for the shell over there; `env` because that shell may be any."""
    paths = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    words = ["exec", "env", *paths, job.python, "-c", FIND]
    return f"cd {shlex.quote(job.cwd)} && {' '.join(shlex.quote(word) for word in words)}"


def process(job, member, host):
    """One member on a host."""
    options = ["-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]
    description = jobs.remote_description(job, member)
    command = ["ssh", *options, "--", host, remote_command(job)]
    return Process(member.name, command, [member.name], json.dumps(description), again=jobs.again(job, member, description))


def processes(job):
    """The scheduler here, the others round the hosts."""
    where = jobs.places(job)
    here = [local.process(job, m) for m in jobs.members(job) if m.role == "scheduler"]
    return here + [process(job, m, where[m.name]) for m in jobs.members(job) if m.name in where]
