"""fab status: what runs where, and everything about it that is odd."""

from __future__ import annotations

from . import reports, rollout
from ._command import command
from ._context import Command
from ._errors import SelectionError


@command(help={
    "service": "only these services: a name, SERVICE:PROGRAM, or a comma list",
    "watch": "look again and again, until Ctrl-C",
    "output": "write html or prometheus to this file, which is replaced as a whole",
})
def status(run: Command, service: str = "all", watch: bool = False, output: str = "") -> rollout.events.Finished:
    """Show state, uptime, commit and every oddity of all services on all hosts.

    Example: fab status --env production --service monitor
    """
    format = run.options["format"]
    if watch and format in reports.formats.DOCUMENTS:
        raise SelectionError(f"--watch does not fit --format {format}, which is written once",
                             "leave out one of the two; a schedule of cron or of the pipeline writes it again")
    if output:
        run.require_spare({"--output": output})
        run.report.write_to(output)
    targets = run.program_targets(service, also_idle=True)
    show = rollout.queries.watch.watch if watch else rollout.queries.query.show_status
    return show(targets, run.report, run.environment.name, run.named_services() if service == "all" else {})
