"""The state machine of a peer."""

from __future__ import annotations

from typing import Any

import pytest

from tasks import _errors as errors
from tasks.rollout import protocol
from tasks.rollout.facts import Holder
from tasks.rollout.peers.peer import Peer, State
from tasks.rollout.peers.peer_events import Connected, Lost
from tests.rollout.samples import HOST, TARGET, A, B, facts

LOST = Lost(errors.Unreachable("web1: the connection was lost", "try again"))
LOCKED = protocol.Locked(recovered=[])
FACTS = protocol.Facts(services={"monitor": facts()})
REFUSED = protocol.Refused(service="monitor", holder=Holder(by="ann"))
FAILED = protocol.Failed(kind="failed", message="no", hint="look", step="build")
COMMITTED = protocol.Committed(now={"monitor": B})
RESTORED = protocol.Restored(why="web2 failed", now={"monitor": A})
PLAN: Any = {"do": "plan", "services": {}, "phases": ["prepare"]}


def new_peer(*events: Any) -> Peer:
    peer = Peer(HOST, [TARGET])
    for event in events:
        if event == "greet":
            peer.greet({"do": "rollout"})
        elif event == "retry":
            peer.retry()
        elif event == "plan":
            peer.give_plan(PLAN)
        else:
            peer.apply(event)
    return peer


GREETED = (Connected(), "greet")
PLANNED = (*GREETED, LOCKED, FACTS, "plan")


@pytest.mark.parametrize(("events", "state"), [
    ((), State.CONNECTING), ((Connected(),), State.CONNECTED), (GREETED, State.GREETED),
    ((*GREETED, LOCKED), State.LOCKED), ((*GREETED, LOCKED, FACTS), State.READY), ((*GREETED, REFUSED), State.REFUSED),
    ((*GREETED, REFUSED, "retry"), State.GREETED), (PLANNED, State.PLANNED),
    ((*PLANNED, protocol.Done(phase="prepare")), State.PLANNED), ((*PLANNED, FAILED), State.PLANNED),
    ((*PLANNED, COMMITTED), State.ENDED), ((*PLANNED, FAILED, RESTORED), State.ENDED), ((*GREETED, LOST), State.LOST),
    ((LOST,), State.LOST)])
def test_peer_is_in_the_state_that_its_events_lead_to(events: tuple[Any, ...], state: State) -> None:
    assert new_peer(*events).state is state


def test_peer_keeps_how_its_plan_ended() -> None:
    committed, restored = new_peer(*PLANNED, COMMITTED), new_peer(*PLANNED, FAILED, RESTORED)
    assert (committed.ending, committed.now, committed.error) == ("committed", {"monitor": B}, None)
    assert (restored.ending, restored.now, restored.why) == ("restored", {"monitor": A}, "web2 failed")
    assert isinstance(restored.error, errors.Failed) and restored.error.message == "web1: build: no"


@pytest.mark.promise(8)
def test_ending_without_a_plan_is_none() -> None:
    assert new_peer(*GREETED, LOCKED, FACTS, COMMITTED).ending == ""


@pytest.mark.promise(8)
def test_first_error_of_a_lost_peer_is_kept() -> None:
    peer = new_peer(*PLANNED, FAILED, LOST)
    assert peer.error is not None and peer.error.message == "web1: build: no" and peer.ending == ""


def test_dismissed_peer_owes_nothing() -> None:
    peer = new_peer(*GREETED, REFUSED)
    peer.dismiss({"do": "end"})
    assert peer.is_over and peer.error is None
