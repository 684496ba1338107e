"""`mixnet launch`: places the processes of a group (a scheduler, servers, workers) on this machine or on several; `mixnet serve`: what
the scheduler and the servers run."""

from . import command, serve


def add_commands(commands):
    """Adds `launch` and `serve` to the parsers of `mixnet`."""
    command.add_command(commands)
    serve.add_command(commands)
