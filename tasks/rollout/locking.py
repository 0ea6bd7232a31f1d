"""Locks on all hosts: the lowest-named first, so that two deploys meet there; then the others at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import events, protocol
from .conversation import Conversation, Stop
from .fleet import Message, Peer

POLL = 0.5
Greeting = Callable[[Peer], Message]


def lock_and_look(conversation: Conversation, greeting: Greeting, wait: float, while_restoring: float) -> None:
    """Returns when every lock is held and every host's facts are known.

    Refused: nobody waits while holding a lock. All let go, and after a while begin anew: for `wait` seconds
    at most, or `while_restoring` when the holders only undo what they did; then Stop with Locked.
    """
    begin, told = time.monotonic(), ""
    while refused := _round(conversation, greeting):
        error = protocol.locked(refused)
        timeout = max(wait, while_restoring) if all(map(protocol.is_restoring, refused)) else wait
        deadline = begin + timeout
        if time.monotonic() >= deadline:
            conversation.report.on(events.of_error(error))
            raise Stop(error)
        if error.message != told:
            conversation.report.on(events.Notice(message=f"waiting: {error.message}"))
            told = error.message
        conversation.tell([peer for peer in conversation.peers if peer.looked and not peer.refusal], {"do": "unlock"})
        conversation.pause(min(POLL, max(0.0, deadline - time.monotonic())))


def _round(conversation: Conversation, greeting: Greeting) -> list[Peer]:
    """Ask all to lock; returns who was refused."""
    for peer in conversation.peers:
        peer.looked, peer.refusal = False, None
    for group in (conversation.peers[:1], conversation.peers[1:]):
        for peer in group:
            if peer.greeted is None:
                peer.greet(greeting(peer))
            else:
                peer.send({"do": "retry"})
        conversation.until(lambda group=group: all(peer.looked or peer.error for peer in group))  # type: ignore[misc]
        conversation.stop_on_trouble()
        refused = [peer for peer in group if peer.refusal]
        if refused:
            return refused
    return []
