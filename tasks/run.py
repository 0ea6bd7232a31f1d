"""fab run: a command on all hosts."""

from __future__ import annotations

from . import inventory, rollout
from ._command import command
from ._confirmation import confirmation
from ._context import Command
from ._errors import SelectionError
from ._options import ROLLOUT, SERIAL, check_one_service, check_serial, seconds


@command(positional=["command_line"], help={
    "command_line": "what sh runs there, as one word: quote it",
    "service": "in the directory of this service, with the environment of its programs; else in the root",
    "serial": SERIAL.replace("restart", "run it").replace("hosts.yaml's", "all at once"),
    "once": "on one host only: the one with the lowest name",
    "timeout": "seconds until it is ended; 3600 unless given",
    "yes": ROLLOUT["yes"],
})
def run(run: Command, command_line: str, service: str = "", serial: str = "", once: bool = False,
        timeout: str = "3600", yes: bool = False) -> rollout.events.Finished:
    """Run a command on all hosts of the environment, and show what it prints there.

    Example: fab run 'df -h .' --env production --serial 1
    """
    if not command_line.strip():
        raise SelectionError("no command was given", "such as fab run 'df -h .'")
    sizes = check_serial(serial) if serial else inventory.serial.AT_ONCE
    limit = seconds("timeout", timeout, least=1)
    targets, confirm = run.choose(lambda environment: (run.select(environment, check_one_service(service) or "all"),
                                                       confirmation(run, yes)))
    if once:
        targets = tuple(target for target in targets if target.host.name == targets[0].host.name)
    remote = rollout.peers.settings.RemoteCommand(line=command_line, service=service, timeout=limit)
    if confirm:
        confirm()
    run.announce(targets, filter(None, [service]))
    return rollout.queries.remote_command.run(run.fleet(targets, verb="run"), run.report, remote, sizes)
