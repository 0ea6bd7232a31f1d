"""fab status: what runs where, and everything about it that is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks._command import Command, command

if TYPE_CHECKING:
    from tasks.rollout.events import Finished


@command(help={
    "service": "only these services: a name or a comma list",
    "watch": "look again and again, until Ctrl-C",
})
def status(run: Command, service: str = "all", watch: bool = False) -> Finished:
    """Show state, uptime, commit and every oddity of all services on all hosts.

    Example: fab status --env production --service monitor
    """
    from msgspec.structs import replace

    from tasks.rollout import reading, results, rows, watching

    targets = run.targets(service)
    if watch:
        return watching.watch(targets, run.report, run.environment.name)
    peers = reading.read(targets, run.report, "status")
    found = rows.rows(run.environment.name, peers)
    for one in found:
        run.report.on(one)
    finished = results.read("status", peers)
    odd = any(one.oddities for one in found)
    return replace(finished, exit_code=results.worst([finished.exit_code, 1 if odd else 0]))
