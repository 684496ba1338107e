"""Members as the tasks of one srun: servers first, then workers, inside an allocation or making one. Description and key are in the
environment, which srun passes on."""

from . import job as jobs
from . import local, mpi
from .processes import Process
from .ssh import FIND


def srun(job, count):
    """Words before the tasks' own command."""
    where = [f"--nodelist={','.join(host for host, _ in job.hosts)}"] if job.hosts else []
    bad_exit = f"--kill-on-bad-exit={0 if job.elastic or job.copies > 1 else 1}"
    return ["srun", f"--ntasks={count}", "--export=ALL", "--input=none", bad_exit, f"--chdir={job.cwd}", *where]


def processes(job):
    """The scheduler here, and one srun for the rest."""
    ranks = [m.name for m in jobs.members(job) if m.role != "scheduler"]
    here = [local.process(job, m) for m in jobs.members(job) if m.role == "scheduler"]
    command = [*srun(job, len(ranks)), job.python, "-c", FIND]
    return [*here, Process("srun", command, ranks, env=mpi.ranks_environment(job))]
