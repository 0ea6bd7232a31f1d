"""At most ten fetches at once: git servers refuse more (OpenSSH's MaxStartups begins to at ten)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .. import protocol
from ..events import StepFinished

if TYPE_CHECKING:
    from ...executor.protocol import Plan
    from .peer import Peer
    from .peer_events import PeerEvent

AT_ONCE = 10


class FetchLimit:
    """Hands out plans; a host counts as fetching until its fetch steps are over, or it cannot go on."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._waiting: deque[tuple[Peer, Plan]] = deque()
        self._fetching: dict[str, set[str]] = {}        # by host, the services that it fetches

    def enter(self, peer: Peer, plan: Plan) -> None:
        """Give the host its plan: at once if it fetches nothing; else now or when others have fetched."""
        if _fetched(plan):
            self._waiting.append((peer, plan))
            self._let_in()
        else:
            peer.give_plan(plan)

    def note(self, peer: Peer, event: PeerEvent) -> None:
        """The host said this, or was lost."""
        services = self._fetching.get(peer.name)
        if services is None:
            return
        if isinstance(event, StepFinished) and event.step == "fetch":
            services.discard(event.service)
        if not services or peer.error or peer.is_over or isinstance(event, protocol.Done):
            del self._fetching[peer.name]
            self._let_in()

    def shut(self) -> None:
        """No other host is given its plan."""
        self._waiting.clear()

    def _let_in(self) -> None:
        while self._waiting and len(self._fetching) < self._at_once:
            peer, plan = self._waiting.popleft()
            self._fetching[peer.name] = _fetched(plan)
            peer.give_plan(plan)


def _fetched(plan: Plan) -> set[str]:
    """The services for which the host fetches."""
    return {name for name, part in plan["services"].items() if any(step["name"] == "fetch" for step in part["steps"])}
