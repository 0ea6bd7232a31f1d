"""fab history: who deployed what, when, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command

if TYPE_CHECKING:
    from .rollout.events import Finished


@command(
    positional=["service"],
    help={"service": "a name, a comma list, or `all`", "lines": "how many deploys, 20 unless given"},
)
def history(run: Command, service: str, lines: str = "20") -> Finished:
    """Show who deployed what, when, from which commit to which, and how it ended; the newest last.

    Example: fab history monitor --lines 50
    """
    from .rollout import query, results, settings
    from .rollout.conversation import report_errors

    count = run.count("lines", lines)
    peers = query.read(run.targets(service), run.report, lambda peer: settings.history(peer, count))
    listed = sorted((line for peer in peers for line in peer.history), key=lambda line: (line.at or "", line.host))
    newest = list(dict.fromkeys(line.deploy for line in listed))[-count:]
    for line in listed:
        if line.deploy in newest:
            run.report.on(line)
    report_errors(peers, run.report)
    return results.read("history", peers)
