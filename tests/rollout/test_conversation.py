"""Waiting for hosts."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from msgspec.structs import replace

from tasks import _errors as errors
from tasks.rollout import protocol
from tasks.rollout.peers.conversation import Conversation, Stop
from tasks.rollout.peers.peer import Peer
from tasks.rollout.peers.peer_events import Lost, Signalled
from tests.rollout.samples import HOST, TARGET, Silent

FAILED = protocol.Failed(kind="failed", message="no", hint="look", step="build")


class Script:
    """A fleet whose hosts say what the test wrote down."""

    def __init__(self, hosts: int) -> None:
        self.peers = [Peer(replace(HOST, name=f"web{number}"), [TARGET]) for number in range(hosts)]
        self.coming: deque[Any] = deque()

    def says(self, number: int, event: Any) -> None:
        self.coming.append((self.peers[number], event))

    def give_up(self, peer: Peer, error: errors.FabvisorError) -> None:
        peer.apply(Lost(error))

    def receive(self) -> Any:
        if not self.coming:
            return None
        heard = self.coming.popleft()
        if isinstance(heard, tuple):
            heard[0].apply(heard[1])
        return heard


def conversation(hosts: int) -> tuple[Conversation, Script]:
    script = Script(hosts)
    return Conversation(script, Silent()), script       # type: ignore[arg-type]


def test_phase_is_over_when_all_hosts_have_finished_it() -> None:
    talk, script = conversation(3)
    for number in (2, 0, 1, 0):
        script.says(number, protocol.Done(phase="prepare"))
    talk.await_phase("prepare", script.peers)
    assert len(script.coming) == 1, "no message more than it takes"


@pytest.mark.parametrize("failing", [0, 1])
def test_phase_stops_at_the_first_host_that_cannot_finish_it(failing: int) -> None:
    """Also at one that had finished it already."""
    talk, script = conversation(3)
    script.says(0, protocol.Done(phase="prepare"))
    script.says(failing, FAILED)
    with pytest.raises(Stop) as caught:
        talk.await_phase("prepare", script.peers)
    assert isinstance(caught.value.error, errors.Failed) and not script.coming


def test_host_that_is_there_and_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold everybody's locks; the other host keeps what it said."""
    monkeypatch.setattr("tasks.rollout.peers.answer_limit.ANSWER_WITHIN", 0.05)
    talk, script = conversation(2)
    script.says(0, protocol.Done(phase="prepare"))
    with pytest.raises(Stop) as caught:
        talk.await_phase("prepare", script.peers)
    assert "web1" in caught.value.error.message and "has not answered" in caught.value.error.message
    assert caught.value.error.exit_code == 75
    assert script.peers[0].error is None


def test_signal_stops_the_wait_unless_the_conversation_holds() -> None:
    talk, script = conversation(1)
    script.coming.append(Signalled(15))
    with pytest.raises(Stop) as caught:
        talk.await_phase("prepare", script.peers)
    assert caught.value.error.exit_code == 143
    talk.holding = True
    script.coming.append(Signalled(15))
    script.says(0, protocol.Ended())
    talk.wait_over(script.peers)


def test_wait_looks_only_at_the_host_that_was_heard() -> None:
    """A condition over all hosts at each message would cost more with more hosts."""
    talk, script = conversation(200)
    looks = 0

    def is_done(peer: Peer) -> bool:
        nonlocal looks
        looks += 1
        return peer.phase == "prepare"

    for number in range(200):
        script.says(number, protocol.Done(phase="prepare"))
    talk.wait(script.peers, is_done)
    assert looks == 400
