"""Promise 8 where the client itself fails: what it told the hosts decides what it may say about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tasks.rollout import events, protocol
from tasks.rollout.events import Event
from tasks.rollout.peers.fleet import Fleet
from tasks.rollout.steps import Plan
from tasks.rollout.transaction.coordinator import Coordinator
from tasks.rollout.transaction.two_phase_commit import TwoPhaseCommit
from tests.rollout.samples import HOST, TARGET, A, facts, plan
from tests.rollout.test_coordinator import DEPLOYMENT

pytestmark = pytest.mark.promise(8)


class Screen:
    """Raises at the event that `breaks` names."""

    gone = False

    def __init__(self, breaks: Callable[[Event], bool] = lambda event: False) -> None:
        self.breaks = breaks
        self.shown: list[Any] = []

    def on(self, event: Event) -> None:
        if self.breaks(event):
            raise ZeroDivisionError("the screen")
        self.shown.append(event)

    def close(self) -> None: ...


def coordinator(screen: Screen, monkeypatch: pytest.MonkeyPatch, **fails: str) -> Coordinator:
    """Of two hosts that are ready for their plans. `fails`: by host, the message whose sending raises."""
    targets = tuple(replace(TARGET, host=replace(HOST, name=name)) for name in ("web1", "web2"))
    plans: dict[tuple[str, str], Plan] = {(target.host.name, "monitor"): plan(facts()) for target in targets}
    made = Coordinator(DEPLOYMENT, Fleet(targets, "rollout"), screen, lambda targets, facts, goals: plans)

    def look(*args: Any) -> None:
        for peer in made.peers:
            peer.apply(protocol.Facts(services={"monitor": facts()}))

    def send(message: Any, name: str) -> None:
        if message["do"] == fails.get(name):
            raise ZeroDivisionError(message["do"])

    for peer in made.peers:
        monkeypatch.setattr(peer, "send", lambda message, name=peer.name: send(message, name))
    monkeypatch.setattr(made, "_connect", lambda command: None)
    monkeypatch.setattr(made, "_lock", look)
    monkeypatch.setattr(made.conversation, "await_phase", lambda phase, peers: None)
    return made


def test_client_that_fails_before_any_plan_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = coordinator(Screen(), monkeypatch)
    monkeypatch.setattr(made, "planner", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made.roll_out()


@pytest.mark.parametrize(("fails", "reasons"), [
    ({"web1": "plan"}, ["not told to commit", None]),
    ({"web1": "run"}, ["not told to commit", "not told to commit"]),
    ({"web2": "commit"}, ["told to commit, and", "told to commit, and"]),
    ({"web1": "commit"}, ["told to commit, and", "not told to commit"])],
    ids=["at the first plan", "in a phase", "at the last commit", "at the first commit"])
def test_client_that_fails_names_each_host_and_what_it_was_told(
        fails: dict[str, str], reasons: list[str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    finished = coordinator(screen, monkeypatch, **fails).roll_out()
    assert (finished.exit_code, finished.outcome) == (3, "unknown")
    rows = [row["monitor"] for row in finished.hosts.values()]
    for row, reason in zip(rows, reasons, strict=True):
        assert (row.was, row.now, row.outcome) == ((A, None, "unknown") if reason else (A, A, "unchanged"))
        assert (reason or "") in (row.why or "")
    assert "ZeroDivisionError" in screen.shown[-1].message


def test_broken_screen_does_not_change_what_is_said_of_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    made = coordinator(screen, monkeypatch)
    screen.breaks = lambda event: any(peer.commit_sent for peer in made.peers)
    monkeypatch.setattr(TwoPhaseCommit, "await_endings",
                        lambda commit: commit.report.on(events.Notice(message="asking")))
    finished = made.roll_out()
    assert finished.exit_code == 3 and "told to commit" in (finished.hosts["web1"]["monitor"].why or "")


@pytest.mark.parametrize("screen", [Screen(), Screen(lambda event: True)], ids=["screen", "broken screen"])
def test_second_interrupt_ends_3_once_a_host_was_told_to_commit(screen: Screen,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    made = coordinator(screen, monkeypatch)
    assert made.conversation.leave() is None
    made.peers[1].commit()
    assert made.conversation.leave() == 3
    for notice in screen.shown[1:]:
        assert "web2 may have committed" in notice.message and "go back" not in notice.message
