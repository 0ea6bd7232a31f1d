"""At most ten fetches at once: git servers refuse more (OpenSSH's MaxStartups begins to at ten)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fleet import Message, Peer

AT_ONCE = 10


class FetchLimit:
    """Hands out plans; a host counts as fetching until its fetch steps are over, or it is out of the race."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._waiting: deque[tuple[Peer, Message]] = deque()
        self._fetching: dict[str, set[str]] = {}

    def enter(self, peer: Peer, plan: Message) -> None:
        self._waiting.append((peer, plan))
        self._let_in()

    def hear(self, peer: Peer, message: Message) -> None:
        if peer.name not in self._fetching:
            return
        left = self._fetching[peer.name]
        if message["event"] == "step_finished" and message["step"] == "fetch":
            left.discard(message["service"])
        if not left or message["event"] in ("done", "failed", "gone"):
            del self._fetching[peer.name]
            self._let_in()

    def shut(self) -> None:
        """Nobody else is let in."""
        self._waiting.clear()

    def _let_in(self) -> None:
        while self._waiting and len(self._fetching) < self._at_once:
            peer, plan = self._waiting.popleft()
            self._fetching[peer.name] = {name for name, part in plan["services"].items()
                                         if any(step["name"] == "fetch" for step in part["steps"])}
            peer.planned = True
            peer.send(plan)
