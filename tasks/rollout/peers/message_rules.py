"""Says which messages a host may send now: in which state, about which services, and how often.

What does not fit is that host's protocol error. So a host that never ends, or speaks of what it was not asked, can
neither fill this machine's memory nor change what is said of other hosts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Set
from typing import TYPE_CHECKING

from ...executor.protocol import PHASES
from .. import events, protocol
from ..protocol import NotInProtocol
from .peer import State

if TYPE_CHECKING:
    from .peer import Peer

States = Set[State]
NEVER: States = frozenset()
ANY: States = frozenset(State)
LOOKS: States = frozenset([State.GREETED, State.LOCKED])
# Before it is locked, a host may undo an interrupted deploy, step by step.
WORKS: States = frozenset([State.GREETED, State.PLANNED])
LOCKED: States = frozenset([State.LOCKED])
PLANNED: States = frozenset([State.PLANNED])

# In which states of its conversation a host may send which messages: whatever it was asked, and by verb.
ALWAYS: Mapping[type, States] = {
    events.HostState: ANY, events.Notice: ANY, protocol.Problem: ANY,
    protocol.Unusable: frozenset([State.CONNECTED, State.GREETED])}
READING: Mapping[type, States] = {protocol.Ended: ANY}
RULES: Mapping[str, Mapping[type, States]] = {
    "rollout": {
        protocol.Locked: frozenset([State.GREETED]), protocol.Refused: frozenset([State.GREETED]),
        protocol.Heads: LOOKS, protocol.Resolved: LOCKED, protocol.NotReady: LOCKED, protocol.Facts: LOCKED,
        events.StepStarted: WORKS, events.Output: WORKS, events.StepFinished: WORKS,
        protocol.PackWanted: PLANNED, protocol.PackTaken: PLANNED, protocol.Done: PLANNED, protocol.Failed: PLANNED,
        protocol.Undone: PLANNED, protocol.Committed: PLANNED, protocol.Restored: ANY},
    "plan": {
        protocol.Refused: LOOKS, protocol.Heads: LOOKS, protocol.Resolved: LOOKS, protocol.Facts: LOOKS,
        protocol.Compared: frozenset([State.READY]), protocol.Ended: frozenset([State.READY])},
    "status": {**READING, protocol.Facts: ANY, protocol.Odd: ANY, protocol.Orphans: ANY, protocol.Looked: ANY},
    "heads": {**READING, protocol.Heads: ANY},
    "history": {**READING, events.History: ANY},
    "logs": {**READING, protocol.Log: ANY, protocol.Mark: ANY},
    "adopt": {**READING, protocol.Adopted: ANY},
    "doctor": {**READING, protocol.Clock: ANY, events.Check: ANY, protocol.Facts: ANY},
    "setup": {**READING, protocol.HostFacts: ANY, events.StepStarted: ANY, events.Output: ANY,
              events.StepFinished: ANY},
    "run": {**READING, protocol.Log: ANY},
    "runs": {**READING, protocol.Runs: ANY, protocol.Log: ANY, protocol.Mark: ANY},
}

# Messages about services that have a plan, and of these the steps.
STEPS = (events.StepStarted, events.Output, events.StepFinished)
OF_PLANS = (*STEPS, protocol.PackWanted, protocol.PackTaken, protocol.Compared)

# How often one comes in a conversation that has no number of its own. The longest run log has 3 million lines.
MOST: Mapping[type, float] = {
    events.Notice: 1_000, events.HostState: 10_000, events.StepStarted: 10_000, events.StepFinished: 10_000,
    events.Check: 1_000, protocol.HostFacts: 2,
    events.Output: math.inf, protocol.PackTaken: math.inf, protocol.Done: len(PHASES)}
MOST_LOG_LINES = 5_000_000
MOST_PROCESSES = 1_000                  # whose logs are told apart: the place in each is kept


def check(peer: Peer, message: protocol.HostMessage) -> None:
    """Counts the message, and raises NotInProtocol where the host may not say it now."""
    kind = type(message)
    if kind is protocol.Beat:
        return
    problem = _problem(peer, message, kind)
    if problem:
        raise NotInProtocol(f"{kind.__struct_config__.tag}: {problem}")


def _problem(peer: Peer, message: protocol.HostMessage, kind: type) -> str:
    if peer.state not in (ALWAYS.get(kind) or RULES.get(peer.verb, {}).get(kind, NEVER)):
        return "it was not asked for that"
    service = _service(peer, message, kind)
    if service and service not in _services(peer, kind):
        return f"it was not asked about {service:.100}"
    peer.counts[kind, service] += 1
    if peer.counts[kind, service] > _most(peer, kind, service):
        return "it says that too often"
    return _source_problem(peer, message) or _contradiction(peer, message)


def _service(peer: Peer, message: protocol.HostMessage, kind: type) -> str:
    """The service that it is about. Empty where it is about the whole host, as steps are before there is a plan: an
    interrupted deploy may have been of other services."""
    if isinstance(message, protocol.Facts):
        return next(iter(message.services)) if len(message.services) == 1 else ""
    if kind in STEPS and peer.state is not State.PLANNED:
        return ""
    return getattr(message, "service", "")


def _services(peer: Peer, kind: type) -> Collection[str]:
    """The services that the host may speak of in such a message."""
    if peer.verb == "run":
        return [peer.greeting["service"]]
    if kind is protocol.Log and peer.verb == "runs":
        return [",".join(peer.services)]
    if kind is protocol.Resolved:
        return peer.revisions
    return peer.planned if kind in OF_PLANS else peer.services


def _most(peer: Peer, kind: type, service: str) -> float:
    """How often it may come, of one service or of the host."""
    lines: int | None = peer.greeting.get("lines")
    if kind is events.History:
        return lines or 0
    if kind in (protocol.Facts, protocol.Odd, protocol.Orphans, protocol.Looked):
        return math.inf if peer.greeting.get("watch") else 1
    if kind in (protocol.Log, protocol.Mark):
        most = MOST_LOG_LINES if lines is None else MOST_PROCESSES * (lines + 1)
        return math.inf if peer.greeting.get("follow") else most
    return len(peer.parts(service)) if kind is protocol.PackWanted else MOST.get(kind, 1)


def _source_problem(peer: Peer, message: protocol.HostMessage) -> str:
    """A step begins before it says anything, and ends once; a host has so many processes."""
    match message:
        case protocol.Log(process=process) | protocol.Mark(process=process):
            peer.processes.add(process)
            return "it has too many processes" if len(peer.processes) > MOST_PROCESSES else ""
        case events.StepStarted(service=service, step=step):
            peer.steps.add((service, step))
        case events.StepFinished(service=service, step=step) if (service, step) not in peer.steps:
            return f"{step:.100} has not begun"
        case events.StepFinished(service=service, step=step):
            peer.steps.discard((service, step))
        case events.Output(service=service, step=step) if (service, step) not in peer.steps and step != "tidy":
            return f"{step:.100} has not begun"
    return ""


def _contradiction(peer: Peer, message: protocol.HostMessage) -> str:
    """Why it cannot be true, by what the host was told and what it has said."""
    match message:
        case protocol.Facts(services=services):
            complete = len(services) == 1 if peer.verb in ("status", "doctor") else services.keys() == {*peer.services}
            return "" if complete else f"it is about {_names(services)}"
        case protocol.Heads(now=now):
            return "" if now.keys() == {*peer.services} else f"it is about {_names(now)}"
        case protocol.Done(phase=phase):
            return "" if peer.next_phase == phase else f"{phase} cannot be over"
        case protocol.Committed() if not peer.commit_sent:
            return "it was not told to commit"
        case protocol.Committed(now=now) | protocol.Restored(now=now):
            return _ending_problem(peer, message, now)
    return ""


def _ending_problem(peer: Peer, ending: protocol.Committed | protocol.Restored, now: Mapping[str, str | None]) -> str:
    if not {*peer.planned} <= now.keys() <= {*peer.services}:
        return f"it is about {_names(now)}"
    moved = [name for name in peer.planned if now[name] != peer.plans[name].was]
    if isinstance(ending, protocol.Restored) and moved:
        return f"{moved[0]} is at {now[moved[0]]}, not as it was"
    return ""


def _names(services: Mapping[str, object]) -> str:
    return f"{', '.join(services):.100}" or "nothing"
