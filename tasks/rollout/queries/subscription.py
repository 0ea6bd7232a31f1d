"""A lasting, reading connection to each host: a host that is lost is reported, and tried again until it is back."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from ..._errors import FabvisorError, TryAgain
from .. import events, signals
from ..peers import connection_errors, results
from ..peers.answer_limit import longest_answer
from ..peers.conversation import screen_event
from ..peers.fleet import Fleet
from ..peers.peer import Peer
from ..peers.peer_events import Connected, Lost, PeerEvent

if TYPE_CHECKING:
    from ...executor.protocol import Verb
    from ...inventory.model import Target

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)   # seconds before the next try

Greeting = Callable[[Peer], Mapping[str, Any]]


class Subscription:
    """`signal`: the number of the signal that ended it, or 0. Unless it is `lasting`, no host is tried again."""

    def __init__(self, targets: tuple[Target, ...], report: events.Listener, verb: Verb, greeting: Greeting,
                 lasting: bool) -> None:
        self.fleet = Fleet(targets, verb)
        self.peers = self.fleet.peers
        self.report = report
        self.signal = 0
        self._greeting = greeting
        self._lasting = lasting
        self._tries: dict[str, int] = {}            # by host, since it was last heard
        self._next_try: dict[str, float] = {}       # by host that is lost, when to connect anew
        self._soonest = math.inf                    # of these
        self._open = {peer.name for peer in self.peers}

    @property
    def exit_code(self) -> int:
        codes = [peer.error.exit_code for peer in self.peers if peer.error and peer.name not in self._next_try]
        return results.worst([*codes, 128 + self.signal if self.signal else 0])

    def events(self) -> Generator[tuple[Peer, PeerEvent] | None]:
        """Yields the messages of hosts, and Lost, as they come; None in every silence. Ends when no host is left, by a
        signal, or when nobody reads any more."""
        with signals.handled(self._note_signal, self.report.close), self.fleet:
            self.fleet.connect()
            heard_at = time.monotonic()
            while self._open and not self.signal and not self.report.gone:
                heard = self.fleet.receive()
                if isinstance(heard, tuple):
                    heard_at = time.monotonic()
                    self._note(*heard)
                    yield heard
                else:
                    self._give_up_after(heard_at)
                    yield None
                self._reconnect()

    def _note_signal(self, number: int) -> None:
        """Not by way of the inbox: the signal may have interrupted the thread that holds its lock."""
        self.signal = number

    def _note(self, peer: Peer, event: PeerEvent) -> None:
        shown = screen_event(peer.name, event)
        if shown is not None:
            self.report.on(shown)
        if isinstance(event, Connected):
            peer.greet(self._greeting(peer))
        elif peer.error is not None and peer.is_over:
            self._retry_or_give_up(peer, peer.error)
        elif self._tries.pop(peer.name, 0):
            self.report.on(events.Notice(host=peer.name, message="it is back"))
        if peer.is_over and peer.name not in self._next_try:
            self._open.discard(peer.name)

    def _give_up_after(self, heard_at: float) -> None:
        """Hosts that are there, and owe the rest of their answer: none of them said anything since."""
        waiting = [peer for peer in self.peers if peer.name in self._open and not self._lasting]
        limit = longest_answer(waiting)
        for peer in waiting if time.monotonic() - heard_at > limit else []:
            error = connection_errors.unanswered(peer, limit)
            self.fleet.give_up(peer, error)
            self._note(peer, Lost(error))

    def _retry_or_give_up(self, peer: Peer, error: FabvisorError) -> None:
        if not self._lasting or not isinstance(error, TryAgain):
            self.report.on(events.of_error(error, peer.name))
            return
        tries = self._tries.get(peer.name, 0)
        pause = PAUSES[min(tries, len(PAUSES) - 1)]
        self._tries[peer.name] = tries + 1
        self._next_try[peer.name] = time.monotonic() + pause
        self._soonest = min(self._soonest, self._next_try[peer.name])
        self.report.on(events.Notice(host=peer.name, level="warning",
                                     message=f"{peer.trouble}; trying again in {pause:g} s"))

    def _reconnect(self) -> None:
        now = time.monotonic()
        if now < self._soonest:
            return
        for peer in [peer for peer in self.peers if self._next_try.get(peer.name, math.inf) <= now]:
            del self._next_try[peer.name]
            self.fleet.renew(peer)
        self._soonest = min(self._next_try.values(), default=math.inf)
