"""The inbox of the hosts of a command."""

from __future__ import annotations

import threading
from typing import Any, cast

from tasks.rollout.fleet import MOST_UNREAD, Fleet
from tests.rollout.samples import TARGET


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
