"""The plans of all hosts, as events for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..events import Notice, Planned
from ..plan import changes, refusals
from ..plan.planned_event import planned_event

if TYPE_CHECKING:
    from .. import protocol
    from ..facts import Facts
    from ..peers.peer import Peer
    from ..steps import Plan


def full(peers: list[Peer]) -> Iterator[Planned]:
    """All plans, with what the hosts answered to Compare."""
    for peer in peers:
        for target in peer.targets:
            name = target.service.name
            compared = peer.compared.get(target.service.name)
            facts = peer.facts[name]
            event = planned_event(peer.name, target.service, facts, peer.plans[name], compared)
            yield event if compared is None or facts.due else replace(
                event, variables=changes.variables(target.service, facts, compared), missing=compared.missing,
                obstacles=[*event.obstacles, *compared.obstacles, *map(_in_commit, compared.tracked)],
                files=changes.files(target.service, facts, peer.plans[name], compared.files),
                secrets_changed=changes.secrets(target.service, facts, compared))


def brief(peers: list[Peer], resolved: Mapping[str, protocol.Resolved]) -> Iterator[Planned]:
    """Plans with what a deploy knows without asking. Only the resolving host told the distance between the commits: a
    host that stands on another commit has none."""
    first: dict[str, str | None] = {}
    for peer in peers:
        for target in peer.targets:
            name = target.service.name
            plan = peer.plans[target.service.name]
            if name not in resolved and plan.was == plan.tried:
                continue                    # start, stop, restart: no version is on its way
            same = plan.was == first.setdefault(name, plan.was)
            yield planned_event(peer.name, target.service, peer.facts[name], plan,
                                resolved.get(name) if same else None)


def without_program(peers: list[Peer]) -> Iterator[Notice]:
    """A word on each host that has a service, and by `hosts` of its programs none of them."""
    for peer in peers:
        for target in peer.targets:
            if not target.service.programs:
                yield Notice(host=peer.name, message=f"{target.service.name}: none of its programs runs here")


def moved(peers: list[Peer]) -> Iterator[Notice]:
    """A word on each service that gets another directory: nothing but its commit comes along."""
    for peer in peers:
        for target in peer.targets:
            name, shared = target.service.name, target.service.shared
            facts = peer.facts[name]
            if facts.earlier_directory and peer.plans[name].steps:
                yield Notice(host=peer.name, level="warning", message=(
                    f"{name} runs in {facts.earlier_directory}, and hosts.yaml names {facts.directory} since then:"
                    f" {', '.join(['its logs', *shared])} stay where they are"))


def renamed(peers: list[Peer]) -> Iterator[Notice]:
    """A word on each service that another environment may have deployed to the same place."""
    for peer in peers:
        for target in peer.targets:
            service = target.service
            other = refusals.other_run_mode(service, peer.facts[service.name])
            if other and peer.plans[service.name].steps:
                yield Notice(host=peer.name, level="warning", message=(
                    f"{service.name} runs as {other}, not as {service.run_mode}: if both are environments, each needs a"
                    " `root` of its own"))


def is_refused(peers: list[Peer], planned: list[Planned]) -> bool:
    """Whether a deploy without further options would be refused. One that was interrupted is undone first."""
    undone = {(peer.name, name): len(facts.due) for peer in peers for name, facts in peer.facts.items()}
    return any(event.edited or event.missing or len(event.obstacles) > undone[event.host, event.service]
               for event in planned)


def fingerprint(plan: Plan, facts: Facts) -> tuple[Any, ...]:
    """The part of a plan that the user confirms. Plans of one fingerprint do the same; their undos may differ. Where an
    undo comes first, it is the commit alone: the beginning of each fingerprint."""
    rest = (plan.was, tuple(facts.edited), tuple((step.name, step.do) for step in plan.steps))
    return (plan.tried,) if facts.due else (plan.tried, *rest)


def _in_commit(path: str) -> str:
    return f"the commit has {path}, where `files` puts a file of its own"
