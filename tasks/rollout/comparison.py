"""What only a dry run asks hosts: the way from the version that is there to the one that a deploy would bring."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import convert
from msgspec.structs import replace

from ..executor.protocol import Compare
from . import events, placed_files, protocol
from .carried import Carried
from .conversation import Conversation
from .fetch_limit import AT_ONCE
from .peer import Peer
from .sources import Sources


class Comparison:
    """Of hosts that have plans. `resolved` and `carried`: the commits, by service."""

    def __init__(self, conversation: Conversation, sources: Sources, resolved: Mapping[str, protocol.Resolved],
                 carried: Mapping[str, Carried]) -> None:
        self.conversation = conversation
        self.sources = sources
        self.resolved = resolved
        self.carried = carried

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
        for name in self.carried:
            for peer in busy:
                if name in peer.compared:
                    peer.compared[name] = self._answered_here(peer, name)

    def _question(self, peer: Peer) -> Compare:
        services = {target.service.name: target.service for target in peer.targets}
        return {"do": "compare", "services": {
            name: {"was": plan.was, "commit": plan.tried or "", "requires": list(services[name].requires),
                   "files": [file.path for file in services[name].files],
                   "shown": [*placed_files.changes(services[name], peer.facts[name])],
                   "revision": self.resolved[name].revision if name in self.resolved else plan.tried or "",
                   "fetch": name not in self.sources, "in_place": plan.refuses_untracked}
            for name, plan in peer.plans.items() if plan.steps}}

    def _answered_here(self, peer: Peer, service: str) -> protocol.Compared:
        """The host has not fetched: this machine knows the commits."""
        resolved, plan = self.resolved[service], peer.plans[service]
        carried = self.carried[service]
        was = peer.facts[service].built_from if plan.was == peer.facts[service].commit else plan.was
        distance = self.sources[service].distance(was, carried.source or carried.commit)
        wanted = next(target.service for target in peer.targets if target.service.name == service)
        paths = [file.path for file in wanted.files]
        return replace(peer.compared[service], missing=self.sources[service].lacks(resolved.commit, wanted.requires),
                       tracked=self.sources[service].in_the_way(resolved.commit, paths),
                       subject=resolved.subject, back=distance.back, forward=distance.forward,
                       commits=convert(distance.commits, list[events.Commit]),
                       dropped=convert(distance.dropped, list[events.Commit]))
