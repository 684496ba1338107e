"""`mixnet serve`: the scheduler or a server of a group, as the environment says (DMLC_ROLE and the others), until the group ends."""

import importlib
import os
import sys

from ..base import MXNetError
from .command import module_function

ROLES = ("scheduler", "server")


def add_command(commands):
    """Adds `serve` to the parsers of `mixnet`."""
    command = commands.add_parser("serve", help="be the scheduler or a server of a group, as the environment says", description=__doc__)
    what = "what a server does with a sum in place of an optimizer: function(key, sum, stored)"
    command.add_argument("--updater", type=module_function, metavar="MODULE:FUNCTION", help=what)
    command.set_defaults(run=main)


def load(name):
    """The function `module:function`; modules of the folder we are in are found too."""
    if not name:
        return None
    module, function = name.split(":")
    sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise MXNetError(f"[serve] updater: {name}: {error}") from None


def main(options):
    """Serves; errors are one line."""
    try:
        if os.environ.get("DMLC_ROLE") not in ROLES:
            raise MXNetError(f"[serve] DMLC_ROLE: expected scheduler or server, got {os.environ.get('DMLC_ROLE', 'nothing')}")
        from ..kvstore_server import serve

        serve(load(options.updater) if os.environ["DMLC_ROLE"] == "server" else None)
    except MXNetError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
