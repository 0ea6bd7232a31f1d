"""fab ssh: a shell on a host."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from . import inventory, program, remote, rollout
from ._command import command
from ._context import Command
from ._errors import SelectionError
from ._options import check_one_service

if TYPE_CHECKING:
    from .inventory.model import Target


@command(positional=["host_name"], ignores=["host"], help={"host_name": "a host of hosts.yaml",
                                         "service": "begin in the directory of this service"})
def ssh(run: Command, host_name: str, service: str = "") -> rollout.events.Finished:
    """Open a shell on a host by the system's ssh, with the settings of hosts.yaml.

    Example: fab ssh web1.example.com --service monitor
    """
    target = _target(run, host_name, check_one_service(service))
    if run.environment.sandbox and sys.stdin.isatty():
        directory = target.running_directory if service else target.host.root
        raise SelectionError("a host of the sandbox has no terminal to offer",
                             f"its files are on this machine: cd {program.quoting.path_for_sh(directory)}")
    enter = (remote.running_folder.enter(target) if service
             else f"cd {program.quoting.path_for_sh(target.host.root)}")
    script = f"{enter}; exec \"$SHELL\" -l"
    argv = remote.ssh_command.words(target.host, program.quoting.for_any_shell(script))
    os.execv(argv[0], argv)         # its words and its exit status are ssh's own


def _target(run: Command, name: str, service: str) -> Target:
    names = sorted({target.host.name for target in run.environment.targets})
    if not name:
        raise SelectionError("no host was named", f"name one of {inventory.nearest.listed(names)}")
    if name not in names:
        nearest = inventory.nearest.did_you_mean(name, names)
        raise SelectionError(f"{run.environment.name} has no host {name!r}{nearest}",
                             f"hosts: {inventory.nearest.listed(names)}")
    return run.choose(lambda environment: inventory.selection.select(environment, service or "all", name)[0])
