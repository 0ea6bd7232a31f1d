"""Says which host resolves which revision, and compares the commits of all hosts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..events import Notice, Resolved
from ..facts import FULL_HASH

if TYPE_CHECKING:
    from .. import protocol
    from ..peers.peer import Peer


def by_host(peers: list[Peer], revisions: Mapping[str, str | None]) -> dict[str, dict[str, str]]:
    """By host, then service: a service's revision is resolved by the lowest-named host that has it."""
    asked: dict[str, dict[str, str]] = {peer.name: {} for peer in peers}
    for name, revision in revisions.items():
        first = next((peer.name for peer in peers if name in peer.services), None)
        if revision and first is not None:
            asked[first][name] = revision
    return asked


def unanswered(peer: Peer, asked: Mapping[str, str]) -> str:
    """Names what is missing or wrong in the host's answer. It owes facts of each service, and a commit for each
    revision that it was asked to resolve. A full hash resolves to itself."""
    missing = {*peer.services} - peer.facts.keys() or asked.keys() - peer.resolved.keys()
    if missing:
        return f"it sent nothing about {', '.join(sorted(missing))}"
    for service, revision in asked.items():
        resolved = peer.resolved[service]
        if resolved.revision != revision or (FULL_HASH.fullmatch(revision) and resolved.commit != revision):
            return f"{service}: {revision} is not {resolved.commit}"
    return ""


def remarks(service: str, resolved: protocol.Resolved | None, peers: list[Peer]) -> Iterator[Notice | Resolved]:
    """What to say of a service once its hosts have plans. `resolved`: None where no revision was asked for."""
    yield from diverged(service, peers)
    yield from untouched(service, resolved.commit, peers) if resolved else chosen(service, peers)


def diverged(service: str, peers: list[Peer]) -> Iterator[Notice]:
    """A warning where hosts have different commits: one of them may have missed a deploy."""
    having = [peer for peer in peers if service in peer.plans and peer.facts[service].commit]
    differing = [peer for peer in having if not peer.facts[service].has_subtree(having[0].facts[service].subtree)]
    if len({peer.facts[service].commit for peer in having}) > 1 and differing:
        commits = ", ".join(f"{(peer.facts[service].commit or '')[:8]} on {peer.name}" for peer in having)
        stays = len({peer.plans[service].tried for peer in having}) > 1
        yield Notice(level="warning", message=(
            f"{service}: the hosts have diverged: {commits}" + (f": fab deploy {service}" if stays else "")))


def untouched(service: str, commit: str, peers: list[Peer]) -> Iterator[Notice]:
    """A word where hosts stay on their commit, because the one that was asked for has the same `subdirectory`."""
    staying: dict[tuple[str, str], list[str]] = {}
    for peer in peers:
        for target in peer.targets:
            plan = peer.plans[target.service.name]
            if target.service.name == service and not plan.steps and plan.tried and plan.tried != commit:
                staying.setdefault((plan.tried, target.service.subdirectory), []).append(peer.name)
    for (was, folder), hosts in staying.items():
        yield Notice(message=f"{service}: nothing below {folder} differs between {was[:8]} and {commit[:8]}, so nothing"
                             f" changes on {', '.join(hosts)} (--force deploys {commit[:8]})")


def chosen(service: str, peers: list[Peer]) -> Iterator[Resolved]:
    """The commit that the planner chose, where no revision was asked for (a rollback)."""
    plans = [peer.plans[service] for peer in peers if service in peer.plans]
    commit = next((plan.tried for plan in plans if plan.tried != plan.was), None)
    if commit:
        yield Resolved(service=service, revision="the version before", commit=commit)
