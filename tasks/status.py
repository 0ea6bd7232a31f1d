"""fab status: what runs where, and everything about it that is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command

if TYPE_CHECKING:
    from .rollout.events import Finished


@command(help={
    "service": "only these services: a name or a comma list",
    "watch": "look again and again, until Ctrl-C",
})
def status(run: Command, service: str = "all", watch: bool = False) -> Finished:
    """Show state, uptime, commit and every oddity of all services on all hosts.

    Example: fab status --env production --service monitor
    """
    from msgspec.structs import replace

    from .rollout import query, results, settings
    from .rollout import status as rows
    from .rollout import watch as status_watch

    targets = run.targets(service)
    if watch:
        return status_watch.watch(targets, run.report, run.environment.name)
    peers = query.read(targets, run.report, settings.status)
    table = rows.rows(run.environment.name, peers)
    for row in table:
        run.report.on(row)
    finished = results.read("status", peers)
    odd = any(row.oddities for row in table)
    return replace(finished, exit_code=results.worst([finished.exit_code, 1 if odd else 0]))
