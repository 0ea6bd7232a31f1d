"""Asking all hosts at once about something, without changing anything there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import protocol, signals
from .conversation import Conversation, Stop
from .fleet import Fleet

if TYPE_CHECKING:
    from ..inventory.model import Target
    from .events import Listener
    from .fleet import Peer


def read(targets: tuple[Target, ...], report: Listener, verb: str, **more: Any) -> list[Peer]:
    """One of the executor's reading verbs, on every host; a host that cannot answer has an `error`."""
    conversation = Conversation(Fleet(targets), report)
    with signals.as_messages(conversation.signalled, report.close), conversation.fleet:
        try:
            conversation.fleet.connect()
            conversation.until(lambda: all(peer.connected or peer.error for peer in conversation.peers))
            for peer in conversation.peers:
                peer.greet(protocol.hello(verb, peer, **more))
            conversation.until(lambda: all(peer.ending or peer.error for peer in conversation.peers))
        except Stop as stop:
            raise stop.error from None
    return conversation.peers
