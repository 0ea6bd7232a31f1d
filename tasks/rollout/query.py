"""Asks all hosts at once, and changes nothing there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import signals
from .conversation import Conversation, Stop
from .fleet import Fleet
from .peer import State

if TYPE_CHECKING:
    from ..inventory.model import Target
    from .events import Listener
    from .peer import Peer


def read(targets: tuple[Target, ...], report: Listener, greeting: Callable[[Peer], Mapping[str, Any]]) -> list[Peer]:
    """The answers of all hosts to their first message; a host that cannot answer has an `error`."""
    conversation = Conversation(Fleet(targets), report)
    with signals.handled(conversation.fleet.signal, report.close), conversation.fleet:
        try:
            conversation.fleet.connect()
            conversation.wait(conversation.peers, lambda peer: peer.state is not State.CONNECTING)
            for peer in conversation.peers:
                if peer.state is State.CONNECTED:
                    peer.greet(greeting(peer))
            conversation.wait(conversation.peers, lambda peer: peer.is_over)
        except Stop as stop:
            raise stop.error from None
    return conversation.peers
