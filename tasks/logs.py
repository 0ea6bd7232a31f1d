"""fab logs: what the programs wrote, from all hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks._command import Command, command

if TYPE_CHECKING:
    from tasks.rollout.events import Finished


@command(positional=["service"], help={"service": "a name, a comma list, or `all`", "lines": "how many lines of each"})
def logs(run: Command, service: str, lines: str = "20") -> Finished:
    """Show the last lines of the logs of all hosts, host-labelled.

    Example: fab logs monitor --host web1 --lines 100
    """
    from tasks.rollout import reading, results
    from tasks.rollout.conversation import tell_errors

    peers = reading.read(run.targets(service), run.report, "logs", lines=run.count("lines", lines))
    tell_errors(peers, run.report)
    return results.read("logs", peers)
