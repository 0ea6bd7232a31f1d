"""fab history: who deployed what, when, and how it ended."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command
from ._options import count


@command(
    positional=["service"],
    help={"service": "a name, a comma list, or `all`", "lines": "how many deploys, 20 unless given"},
)
def history(run: Command, service: str, lines: str = "20") -> rollout.events.Finished:
    """Show who deployed what, when, from which commit to which, and how it ended; the newest last.

    Example: fab history monitor --lines 50
    """
    number = count("lines", lines, least=1)
    peers = rollout.queries.query.read(run.targets(service), run.report, "history",
                                       lambda peer: rollout.peers.settings.history(peer, number))
    listed = sorted((line for peer in peers for line in peer.history), key=lambda line: (line.at or "", line.host))
    newest = list(dict.fromkeys(line.deploy for line in listed))[-number:]
    for line in listed:
        if line.deploy in newest:
            run.report.on(line)
    rollout.peers.conversation.report_errors(peers, run.report)
    return rollout.peers.results.read("history", peers)
