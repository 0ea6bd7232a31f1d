"""fab logs: what the programs wrote, from all hosts at once; or what a deploy did."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command
from ._errors import SelectionError
from ._options import check_pattern, count

LINES = 20


@command(
    positional=["service"],
    help={
        "service": "a name, SERVICE:PROGRAM, a comma list, or `all`",
        "follow": "go on with what is added, until Ctrl-C",
        "lines": "how many of each; 20 unless given, and of a deploy all",
        "grep": "only lines that match: a regular expression, as Python has them",
        "deploy": "the run log of a deploy instead: its id, the beginning of it, or `last`",
    },
)
def logs(
    run: Command, service: str, follow: bool = False, lines: str = "", grep: str = "", deploy: str = "",
) -> rollout.events.Finished:
    """Show the last lines of the logs of all hosts, each with its host; or follow them.

    Example: fab logs monitor --follow --grep "ERROR|panic"
    """
    number = count("lines", lines) if lines else None
    expression = check_pattern("grep", grep) or None
    if deploy and follow:
        raise SelectionError("--follow is for what programs write, not for the run log of a deploy",
                             "leave out one of --follow and --deploy")
    targets = run.program_targets(service)
    run.announce(targets)
    if deploy:
        return rollout.queries.logs.show_run_log(targets, run.report, deploy, lines=number, grep=expression)
    show = rollout.queries.logs.follow if follow else rollout.queries.logs.show_last
    return show(targets, run.report, lines=LINES if number is None else number, grep=expression)
