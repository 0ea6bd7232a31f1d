"""From what the hosts said to a plan for each: the same for a deploy and for looking ahead at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _errors as errors
from . import events
from .conversation import Conversation, Stop
from .goal import Goal, Planner

if TYPE_CHECKING:
    from .deployment import Deployment
    from .fleet import Peer


def announce(conversation: Conversation, order: Deployment, command: str = "") -> None:
    services = sorted({name for peer in conversation.peers for name in peer.services})
    conversation.report.on(events.Started(
        command=command or order.command, environment=order.environment, services=services,
        hosts=[peer.name for peer in conversation.peers], deploy=order.deploy, url=order.url))


def by_host(peers: list[Peer], resolve: dict[str, str]) -> dict[str, dict[str, str]]:
    """Which revisions a host turns into commits: a service is resolved by the lowest-named host that has it."""
    first: dict[str, str] = {}
    for peer in peers:
        for name in peer.services:
            first.setdefault(name, peer.name)
    return {peer.name: {name: revision for name, revision in resolve.items() if first.get(name) == peer.name}
            for peer in peers}


def tell_resolved(conversation: Conversation) -> None:
    for name, found in conversation.resolved.items():
        conversation.report.on(events.Resolved(
            service=name, revision=found["revision"], commit=found["commit"], subject=found["subject"],
            back=found["back"], forward=found["forward"]))


def decide(conversation: Conversation, plan: Planner) -> None:
    """Fill in each peer's `plans`; what cannot be planned is told, and raises Stop."""
    facts = {(peer.name, name): found for peer in conversation.peers for name, found in peer.facts.items()}
    goals = {name: Goal(commit=found["commit"], revision=found["revision"], branch=found["branch"])
             for name, found in conversation.resolved.items()}
    try:
        plans = plan(conversation.fleet.targets, facts, goals)
    except errors.FabvisorError as error:
        conversation.report.on(events.of_error(error))
        raise Stop(error) from None
    for peer in conversation.peers:
        peer.plans = {name: plans[peer.name, name] for name in peer.services}
    _warn_diverged(conversation)
    _tell_chosen(conversation)


def _warn_diverged(conversation: Conversation) -> None:
    """Somebody may have missed a commit: whatever the next command is, it says so."""
    for name in sorted({name for peer in conversation.peers for name in peer.services}):
        peers = [peer for peer in conversation.peers if name in peer.plans and peer.facts[name].commit]
        if len({peer.facts[name].commit for peer in peers}) > 1:
            found = ", ".join(f"{(peer.facts[name].commit or '')[:8]} on {peer.name}" for peer in peers)
            lasts = len({peer.plans[name].tried for peer in peers}) > 1
            conversation.report.on(events.Notice(level="warning", message=(
                f"{name}: the hosts are apart: {found}" + (f": fab deploy {name}" if lasts else ""))))


def _tell_chosen(conversation: Conversation) -> None:
    """Where the plan itself chose the commits (a rollback), say which."""
    plans = [item for peer in conversation.peers for item in peer.plans.items()]
    chosen = {name: plan.tried for name, plan in plans if plan.tried != plan.was}
    for name, commit in sorted(chosen.items()):
        if name not in conversation.resolved and commit:
            conversation.report.on(events.Resolved(service=name, revision="the version before", commit=commit))
