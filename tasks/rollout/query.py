"""Asking all hosts at once about something, without changing anything there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import signals
from .conversation import Conversation, Stop
from .fleet import Fleet

if TYPE_CHECKING:
    from ..inventory.model import Target
    from .events import Listener
    from .fleet import Message, Peer


def read(targets: tuple[Target, ...], report: Listener, greeting: Callable[[Peer], Message]) -> list[Peer]:
    """The answers of all hosts to their first message; a host that cannot answer has an `error`."""
    conversation = Conversation(Fleet(targets), report)
    with signals.as_messages(conversation.signalled, report.close), conversation.fleet:
        try:
            conversation.fleet.connect()
            conversation.until(lambda: all(peer.connected or peer.error for peer in conversation.peers))
            for peer in conversation.peers:
                peer.greet(greeting(peer))
            conversation.until(lambda: all(peer.ending or peer.error for peer in conversation.peers))
        except Stop as stop:
            raise stop.error from None
    return conversation.peers
