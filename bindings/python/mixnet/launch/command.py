"""The command line of `mixnet launch`: options to a Job, a key and a port for it, and the launcher that places it."""

import argparse
import os
import pathlib
import re
import shutil
import socket
import sys
import tempfile

from ..base import MXNetError
from . import job as jobs
from . import keys, local, mpi, on_ray, slurm, ssh
from .member import own_address
from .supervisor import supervise

LAUNCHERS = {"local": local, "ssh": ssh, "mpi": mpi, "slurm": slurm, "ray": on_ray}
ELSEWHERE = "192.0.2.1"  # an address of nobody (RFC 5737): asks the routes which of ours is used to go out


def number_of(least):
    """A parser of whole numbers from `least` on."""

    def parse(text):
        if not re.fullmatch(r"\d+", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, got {text!r}")
        return int(text)

    return parse


def seconds(text):
    """A parser of times."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds, got {text!r}")
    return value


def variable(text):
    """NAME=VALUE, or NAME with the value it has here."""
    name, equals, value = text.partition("=")
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or (not equals and name not in os.environ):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, or the name of a variable that is set, got {text!r}")
    return name, value if equals else os.environ[name]


def module_function(text):
    """module:function."""
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise argparse.ArgumentTypeError(f"expected module:function, got {text!r}")
    return text


def add_command(commands):
    """Adds `launch` to the parsers of `mixnet`."""
    command = commands.add_parser("launch", help="run a command as the workers of a group, with servers", description=__doc__)
    add = command.add_argument
    add("-n", "--workers", type=number_of(1), required=True, help="how many workers")
    add("-s", "--servers", type=number_of(0), help="how many servers (default: as many as workers); 0: the workers only, for dist_allreduce")
    add("--launcher", choices=LAUNCHERS, default="local", help="what places them (default: local, all on this machine)")
    add("--hosts", metavar="FILE", help="where: a host a line, with its slots (`name:4` or `name slots=4`)")
    add("--key", metavar="FILE", help="the group's key pair, public and secret; without it a new one is made")
    add("--no-key", action="store_true", help="no encryption; only where all members are on this machine")
    add("--elastic", action="store_true", help="the group goes on when a member is lost")
    add("--copies", type=number_of(1), default=1, metavar="N", help="how many servers hold each key; the group goes on while one of them is there")
    add("--restart", type=number_of(0), default=0, metavar="N", help="begin again after a failure, up to N times; with --elastic, each member alone")
    add("--env", type=variable, action="append", default=[], metavar="NAME=VALUE", help="a variable for every member; may be repeated")
    add("--timeout-s", type=seconds, metavar="T", help="seconds after which a silent member counts as lost (default: 5)")
    add("--grace-s", type=seconds, default=5, metavar="T", help="seconds between asking a member to end and ending it (default: 5)")
    add("--address", help="address of this machine for the others (default: of the route to them)")
    add("--port", type=number_of(1), help="port of the scheduler (default: a free one)")
    add("--python", default=sys.executable, help="the Python of the servers, and of members on other machines")
    add("--updater", type=module_function, metavar="MODULE:FUNCTION", help="what servers do with a sum, in place of an optimizer")
    add("--restore", metavar="PREFIX", help="with --elastic and --restart: a server begins again with what kv.save_servers(PREFIX) wrote")
    add("command_line", metavar="command", nargs=argparse.REMAINDER, help="what each worker runs")
    command.set_defaults(run=main)


class Reservation:
    """A free port that nobody else is given while it is open; the scheduler may listen there all the same (SO_REUSEADDR, Linux)."""

    def __init__(self, address, port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            self._socket.close()
            raise MXNetError(f"[launch] address: expected one of this machine with a free port, got {address}, {port}: {error.strerror}") from None
        self.port = self._socket.getsockname()[1]

    def close(self):
        self._socket.close()


def address_of(options, hosts):
    """The address of this machine that members connect to."""
    if options.address:
        return options.address
    if options.launcher == "local" or (options.launcher in ("mpi", "ray") and not hosts):
        return "127.0.0.1"
    host = hosts[0][0].rpartition("@")[2] if hosts else ELSEWHERE
    return own_address(host) or own_address(ELSEWHERE) or "127.0.0.1"


def checked(options):
    """Hosts of an invocation that makes sense; MXNetError says what does not."""
    command = options.command_line[1:] if options.command_line[:1] == ["--"] else options.command_line
    if not command:
        raise MXNetError("[launch] command: expected what each worker runs, got nothing")
    if options.key and options.no_key:
        raise MXNetError("[launch] key: expected one of --key and --no-key, got both")
    if options.hosts and options.launcher in ("local", "ray"):
        raise MXNetError(f"[launch] hosts: --launcher {options.launcher} places members without a file of hosts")
    if options.restore and not (options.elastic and options.restart and options.launcher in ("local", "ssh")):
        raise MXNetError("[launch] --restore: expected --elastic, --restart and the launcher local or ssh beside it")
    servers = options.workers if options.servers is None else options.servers
    if options.copies > max(1, servers):
        raise MXNetError(f"[launch] --copies: expected at most the {servers} servers, got {options.copies}")
    if options.launcher == "ssh" and not options.hosts:
        raise MXNetError("[launch] hosts: expected a file of hosts for --launcher ssh, got none")
    options.command_line = command
    return jobs.read_hosts(options.hosts) if options.hosts else []


def run(options):
    """Exit code of the group."""
    hosts = checked(options)
    servers = options.workers if options.servers is None else options.servers
    address = address_of(options, hosts)
    if options.no_key and servers and not jobs.is_loopback(address):
        raise MXNetError(f"[launch] --no-key: expected all members on this machine, got the address {address}")
    pair = keys.read(options.key) if options.key else keys.make() if servers and not options.no_key else None
    folder = tempfile.mkdtemp(prefix="mixnet-launch-")
    reservations = []

    def make_job(attempt):
        while reservations:
            reservations.pop().close()
        reservations.append(Reservation(address, options.port or 0))
        job = jobs.Job(options.command_line, options.workers, servers, hosts, pair, str(path) if pair else None, dict(options.env))
        job.elastic, job.restart, job.timeout_s, job.grace_s = options.elastic, options.restart, options.timeout_s, options.grace_s
        job.address, job.port, job.python, job.updater, job.attempt = address, reservations[0].port, options.python, options.updater, attempt
        job.restore, job.copies = options.restore, options.copies
        return job

    try:
        path = pathlib.Path(options.key).absolute() if options.key else keys.write(folder, pair) if pair else None
        return supervise(make_job, LAUNCHERS[options.launcher].processes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        while reservations:
            reservations.pop().close()


def main(options):
    """Entry point of `mixnet launch`."""
    try:
        code = run(options)
    except MXNetError as error:
        sys.exit(str(error))
    sys.exit(code)
