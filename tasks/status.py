"""fab status: what runs where, and everything about it that is odd."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command


@command(help={
    "service": "only these services: a name, SERVICE:PROGRAM, or a comma list",
    "watch": "look again and again, until Ctrl-C",
})
def status(run: Command, service: str = "all", watch: bool = False) -> rollout.events.Finished:
    """Show state, uptime, commit and every oddity of all services on all hosts.

    Example: fab status --env production --service monitor
    """
    targets = run.program_targets(service)
    show = rollout.watch.watch if watch else rollout.query.show_status
    return show(targets, run.report, run.environment.name)
