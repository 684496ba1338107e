"""Members on this machine."""

import json
import sys

from . import job as jobs
from .processes import Process


def process(job, member):
    """One member, started by member.py."""
    description = jobs.local_description(job, member)
    command = [sys.executable, "-I", str(jobs.MEMBER)]
    return Process(member.name, command, [member.name], json.dumps(description), again=jobs.again(job, member, description))


def processes(job):
    """All members."""
    return [process(job, member) for member in jobs.members(job)]
