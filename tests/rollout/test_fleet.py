"""The inbox of the hosts of a command."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from tasks._errors import Unreachable
from tasks.inventory.model import Host
from tasks.remote import sessions
from tasks.rollout.peers.fleet import MOST_UNREAD, Fleet
from tests.rollout.samples import TARGET
from tests.support.lab import wait_for


class Session:
    """It has read these bytes of messages."""

    received = 0
    is_closed = False
    last_heard = 0.0


def test_message_that_is_larger_than_what_may_wait_is_read_and_the_next_waits_for_it() -> None:
    fleet = Fleet((TARGET,), "status")
    (peer,) = fleet.peers
    session = Session()
    peer.session = cast("Any", session)

    def hear() -> threading.Thread:
        session.received += MOST_UNREAD + 1
        thread = threading.Thread(target=fleet._hear, args=(peer, {}), daemon=True)
        thread.start()
        return thread

    first = hear()
    first.join(60)
    assert not first.is_alive(), "nothing is in front of it"
    second = hear()
    second.join(0.1)
    assert second.is_alive(), "the first is not read yet"
    fleet.receive()
    second.join(60)
    assert not second.is_alive()


@pytest.mark.parametrize("sends", [True, False], ids=["is sent", "cannot be"])
def test_connect_returns_when_the_program_is_on_its_way_to_a_host(monkeypatch: pytest.MonkeyPatch, sends: bool) -> None:
    begun, answers = threading.Event(), threading.Event()

    class Sessions:
        def __init__(self, *_: object) -> None:
            pass

        def open(self, host: Host, deliver: object, sent: Callable[[], object]) -> None:
            begun.set()
            if sends:
                sent()
                answers.wait(60)
            raise Unreachable(f"{host.name}: gone", "try again")

    monkeypatch.setattr(sessions, "Sessions", Sessions)
    monkeypatch.setattr("tasks.rollout.peers.fleet.SENT_WITHIN", 60)
    started = time.monotonic()
    with Fleet((TARGET,), "status") as fleet:
        fleet.connect()
        assert begun.is_set()
        assert time.monotonic() - started < 60
        answers.set()
        wait_for(fleet.receive, "the host to be lost")
