"""The commits that this machine resolves and builds itself, while the conversation with the hosts goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import convert
from msgspec.structs import replace

from ... import _errors as errors
from .. import events, protocol
from ..facts import FULL_HASH
from ..peers.conversation import Conversation
from . import previous_version
from .sources import Sources

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ...mirror.binaries import Binary
    from ..peers.peer import Peer
    from .carried import Carried

T = TypeVar("T")


class LocalCommits:
    """By service; none where every host fetches for itself."""

    def __init__(self, sources: Sources, conversation: Conversation) -> None:
        self._sources = sources
        self._conversation = conversation
        self._report = conversation.report
        self._carried: dict[str, Carried] = {}
        self._made_elsewhere: dict[str, str] = {}       # by service the abbreviation of a commit

    def __contains__(self, service: object) -> bool:
        """Whether no host is asked for the commit."""
        return service in self._carried or service in self._made_elsewhere

    def get(self, service: str) -> Carried | None:
        return self._carried.get(service)

    @property
    def binaries(self) -> dict[str, Sequence[Binary]]:
        return {name: carried.binaries for name, carried in self._carried.items()}

    def is_fetched_here(self, service: str) -> bool:
        """Whether no host fetches for it, though it may have the commit already."""
        return service in self._sources

    def resolve(self, revisions: Mapping[str, str | None]) -> None:
        """Fetch, and resolve the revisions of services with `fetch: client`. Raises Stop."""
        self._carried = self._work(lambda: self._sources.resolve(revisions, self._report))
        self._made_elsewhere = {name: revision for name, revision in revisions.items()
                                if revision and not FULL_HASH.fullmatch(revision)
                                and name in self._sources and name not in self._carried}

    def build(self) -> None:
        """Make the commits of services with `build_on: client`, or with an artifact. Raises Stop."""
        self._carried = self._work(lambda: self._sources.build(self._carried, self._report), self._sources.cancel)

    def resolved(self, peers: Sequence[Peer]) -> dict[str, protocol.Resolved]:
        """By service, what the lowest-named host that has it would answer. Raises Stop."""
        carried = {name: self._resolved(name, next(peer for peer in peers if name in peer.services))
                   for name in self._carried}
        try:
            return {**carried, **{name: _of_histories(name, revision, peers)
                                  for name, revision in self._made_elsewhere.items()}}
        except errors.FabvisorError as error:
            self._conversation.stop(error)

    def complete(self, peer: Peer, resolved: Mapping[str, protocol.Resolved]) -> None:
        """Add what the host could not compare: it has not fetched these commits."""
        for target in peer.targets:
            name = target.service.name
            if name in self._carried and name in peer.compared:
                peer.compared[name] = self._completed(peer, target.service, resolved[name])

    def _resolved(self, service: str, first: Peer) -> protocol.Resolved:
        carried = self._carried[service]
        return protocol.Resolved(
            service=service, revision=carried.revision, commit=carried.commit, branch=carried.branch,
            subject=carried.subject, subtree=self._sources.subtree(service, carried.commit),
            **self._distance(service, first.facts[service].built_from))

    def _completed(self, peer: Peer, service: Service, resolved: protocol.Resolved) -> protocol.Compared:
        source = self._sources[service.name]
        plan = peer.plans[service.name]
        facts = peer.facts[service.name]
        was = facts.built_from if plan.was == facts.commit else plan.was
        return replace(
            peer.compared[service.name], subject=resolved.subject,
            missing=source.lacks(resolved.commit, service.requires),
            tracked=source.in_the_way(resolved.commit, [file.path for file in service.files]),
            **self._distance(service.name, was))

    def _distance(self, service: str, was: str | None) -> dict[str, Any]:
        """The fields of protocol.Distance: how far it is to the commit, or to what it is built from."""
        carried = self._carried[service]
        distance = self._sources[service].distance(was, carried.source or carried.commit)
        return {"back": distance.back, "forward": distance.forward,
                "commits": convert(distance.commits, list[events.Commit]),
                "dropped": convert(distance.dropped, list[events.Commit])}

    def _work(self, work: Callable[[], T], cancel: Callable[[], None] | None = None) -> T:
        try:
            return self._conversation.wait_for(work, cancel)
        except errors.FabvisorError as error:
            self._conversation.stop(error)


def _of_histories(service: str, revision: str, peers: Sequence[Peer]) -> protocol.Resolved:
    """A commit that another machine made: its hosts were told its full name."""
    commit = previous_version.commit_of(service, revision, [
        peer.facts[service].history for peer in peers if service in peer.facts])
    return protocol.Resolved(service=service, revision=commit, commit=commit, branch=None, subject="", back=None,
                             forward=None, commits=[], dropped=[])
