"""Looking ahead at a deploy: the same conversation up to the plan, without a lock; and a plan that was agreed to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from .. import _errors as errors
from . import decision, events, preview, results, settings, signals
from .conversation import Conversation, Stop
from .fetch_limit import AT_ONCE
from .fleet import Fleet
from .locking import lock_and_look

if TYPE_CHECKING:
    from typing import Any

    from ..inventory.model import Target
    from .coordinator import Coordinator
    from .deployment import Deployment
    from .facts import Facts
    from .fleet import Peer
    from .goal import Goals, Key, Planner
    from .steps import Plan

Agree = Callable[[], None]                  # returns when a person has agreed; raises when not


class DryRun(Struct, frozen=True, kw_only=True):
    """How looking ahead ended, and the essence of every plan."""

    finished: events.Finished
    plans: dict[Key, tuple[Any, ...]]


def roll_out(coordinator: Coordinator, plan: Planner, resolve: dict[str, str] | None, agree: Agree | None
             ) -> events.Finished:
    """With `agree`, only what a person has seen and agreed to: no connection and no lock waits for the answer."""
    if agree is None:
        return coordinator.roll_out(plan, resolve)
    seen = dry_run(coordinator.order, Fleet(coordinator.fleet.targets), coordinator.report, plan, resolve,
                      coordinator.wait)
    if seen.finished.outcome != "pending":
        return seen.finished
    agree()
    return coordinator.roll_out(_as_agreed(plan, seen.plans), resolve)


def dry_run(order: Deployment, fleet: Fleet, report: events.Listener, plan: Planner,
               resolve: dict[str, str] | None, wait: float = 0) -> DryRun:
    """Tells a `plan` event a host and service; whatever stops a deploy before its first step stops this as well."""
    conversation, why, codes = Conversation(fleet, report), "", [0]
    peers, revisions = conversation.peers, decision.by_host(conversation.peers, resolve or {})
    with signals.as_messages(conversation.signalled, report.close), fleet:
        try:
            fleet.connect()
            decision.announce(conversation, order, "plan")
            conversation.wait_connected()
            lock_and_look(conversation, lambda peer: settings.plan(peer, order, revisions[peer.name]),
                          wait, 0)
            decision.tell_resolved(conversation)
            decision.decide(conversation, plan)
            _compare(conversation)
            for told in preview.full(conversation):
                report.on(told)
        except Stop as stop:
            if isinstance(stop.error, errors.Interrupted):
                raise stop.error from None
            why, codes = stop.error.message, [stop.error.exit_code]
    if why:
        tried = {name: found["commit"] for name, found in conversation.resolved.items()}
        return DryRun(finished=results.finished(order.command, peers, tried, why, results.worst(codes)), plans={})
    plans = {(peer.name, name): preview.fingerprint(made, peer.facts[name])
             for peer in peers for name, made in peer.plans.items()}
    return DryRun(finished=results.dry_run_result(order.command, peers), plans=plans)


def _compare(conversation: Conversation) -> None:
    """Ten at a time: it may take a fetch."""
    busy = [peer for peer in conversation.peers if any(plan.steps for plan in peer.plans.values())]
    conversation.tell((peer for peer in conversation.peers if peer not in busy), {"do": "end"})
    for at in range(0, len(busy), AT_ONCE):
        group = busy[at:at + AT_ONCE]
        for peer in group:
            peer.send({"do": "compare", "services": _to_compare(peer)})
        conversation.until(lambda group=group: all(peer.ending or peer.error for peer in group))  # type: ignore[misc]
    conversation.stop_on_trouble()


def _to_compare(peer: Peer) -> dict[str, Any]:
    requires = {target.service.name: list(target.service.requires) for target in peer.targets}
    return {name: {"was": plan.was, "commit": plan.tried, "requires": requires[name]}
            for name, plan in peer.plans.items() if plan.steps}


def _as_agreed(plan: Planner, seen: dict[Key, tuple[Any, ...]]) -> Planner:
    """Under the locks it must come to the same, or nothing is begun."""
    def checked(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> dict[Key, Plan]:
        plans = plan(targets, facts, goals)
        changed = [": ".join(key) for key, made in sorted(plans.items())
                   if preview.fingerprint(made, facts[key]) != seen[key]]
        if changed:
            raise errors.TryAgain("since the question something has changed, and with it the plan:\n"
                                  + "\n".join(changed), "the same command again shows what it would do now")
        return plans

    return checked
