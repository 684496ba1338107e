"""Members as the ranks of one mpirun: servers first, then workers. Open MPI and MPICH (hydra) are told apart by what `--version` says.
Description and key are in the environment, never on a command line."""

import json
import os
import subprocess

from ..base import MXNetError
from . import job as jobs
from . import local
from .processes import Process
from .ssh import FIND


def is_open_mpi():
    """Which mpirun is on the PATH."""
    try:
        output = subprocess.run(["mpirun", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        raise MXNetError("[launch] mpirun: expected Open MPI or MPICH on the PATH, got none (Debian: openmpi-bin)") from None
    return "Open MPI" in output or "OpenRTE" in output


def ranks_environment(job):
    """What the ranks find: their description, and the key."""
    env = {"MIXNET_LAUNCH": json.dumps(jobs.ranks_description(job))}
    if job.key:
        env["MIXNET_PS_KEY"] = job.key[1]
    return env


def mpirun(job, count, open_mpi):
    """Words before the ranks' own command."""
    hosts = ",".join(f"{host}:{slots}" for host, slots in job.hosts)
    passed = [*ranks_environment(job), *(["PYTHONPATH"] if "PYTHONPATH" in os.environ else [])]
    if not open_mpi:
        where = ["-hosts", hosts] if hosts else []
        return ["mpirun", "-n", str(count), *where, "-genvlist", ",".join(passed)]
    options = ["--oversubscribe", "--bind-to", "none", *(["--allow-run-as-root"] if os.geteuid() == 0 else [])]
    options += ["--mca", "orte_abort_on_non_zero_status", "0", "--enable-recovery"] if job.elastic or job.copies > 1 else []
    where = ["--host", hosts] if hosts else []
    return ["mpirun", *options, "-n", str(count), *where, *(word for name in passed for word in ("-x", name))]


def processes(job):
    """The scheduler here, and one mpirun for the rest."""
    ranks = [m.name for m in jobs.members(job) if m.role != "scheduler"]
    here = [local.process(job, m) for m in jobs.members(job) if m.role == "scheduler"]
    command = [*mpirun(job, len(ranks), is_open_mpi()), job.python, "-c", FIND]
    return [*here, Process("mpirun", command, ranks, env=ranks_environment(job))]
