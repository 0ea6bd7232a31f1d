"""Asks hosts what only a dry run shows: the way from the version that is there to the one that a deploy would bring."""

from __future__ import annotations

from collections.abc import Mapping

from ...executor.protocol import Compare
from .. import protocol
from ..commits.local_commits import LocalCommits
from ..peers.conversation import Conversation
from ..peers.fetch_limit import AT_ONCE
from ..peers.peer import Peer
from ..plan import placed_files


class Comparison:
    """Of hosts that have plans. `resolved`: the commits, by service."""

    def __init__(self, conversation: Conversation, local: LocalCommits, resolved: Mapping[str, protocol.Resolved]
                 ) -> None:
        self.conversation = conversation
        self.local = local
        self.resolved = resolved

    def run(self) -> None:
        """Ten at a time: it may take a fetch."""
        busy = [peer for peer in self.conversation.peers if peer.planned]
        self.conversation.send({*self.conversation.peers} - {*busy}, {"do": "end"})
        for start in range(0, len(busy), AT_ONCE):
            group = busy[start:start + AT_ONCE]
            for peer in group:
                peer.send(self._question(peer))
            self.conversation.wait(group, lambda peer: peer.is_over)
        self.conversation.stop_on_error()
        for peer in busy:
            self.local.complete(peer, self.resolved)

    def _question(self, peer: Peer) -> Compare:
        services = {target.service.name: target.service for target in peer.targets}
        return {"do": "compare", "services": {
            name: {"was": plan.was, "commit": plan.tried or "", "requires": list(services[name].requires),
                   "files": [file.path for file in services[name].files],
                   "shown": [*placed_files.changes(services[name], peer.facts[name])],
                   "revision": self.resolved[name].revision if name in self.resolved else plan.tried or "",
                   "fetch": not self.local.is_fetched_here(name), "in_place": plan.refuses_untracked}
            for name, plan in peer.plans.items() if plan.steps}}
