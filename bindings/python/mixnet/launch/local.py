"""Members on this machine."""

import json
import sys

from . import job as jobs
from .processes import Process


def process(job, member):
    """One member, started by member.py."""
    description = json.dumps(jobs.local_description(job, member))
    return Process(member.name, [sys.executable, "-I", str(jobs.MEMBER)], [member.name], description)


def processes(job):
    """All members."""
    return [process(job, member) for member in jobs.members(job)]
