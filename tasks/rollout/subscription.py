"""Listening to hosts until the user has enough: a host that is lost is said, and tried again until it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .._errors import TryAgain
from . import events, protocol, results, signals
from .conversation import ENDINGS, TROUBLE
from .fleet import Fleet, Message, Peer

if TYPE_CHECKING:
    from ..inventory.model import Target
    from ..reports import Reporter

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
# So many messages may wait for the screen; then the hosts wait.
MOST = 256
CATCHING_UP = 1.0

Greeting = Callable[[Peer], Message]


class Subscription:
    """`signal`: the number of the signal that ended it, or 0. With `lasting` False hosts say their say and end."""

    def __init__(self, targets: tuple[Target, ...], report: Reporter, greeting: Greeting, lasting: bool) -> None:
        self.fleet = Fleet(targets, MOST)
        self.report = report
        self.signal = 0
        self._greeting = greeting
        self._lasting = lasting
        self._tries: dict[str, int] = {}
        self._again: dict[str, float] = {}
        self._slow = 0.0

    @property
    def peers(self) -> list[Peer]:
        return self.fleet.peers

    @property
    def exit_code(self) -> int:
        codes = [peer.error.exit_code for peer in self.peers if peer.error and peer.name not in self._again]
        return results.worst([*codes, 128 + self.signal if self.signal else 0])

    def messages(self) -> Iterator[tuple[Peer, Message] | None]:
        """(peer, message) as they come; a peer that was just lost comes with `lost`. None in every silence."""
        with signals.as_messages(self._signalled, self.report.close), self.fleet:
            self.fleet.connect()
            for peer, message in self.fleet.messages():
                if self.signal or self.report.gone:
                    return
                if peer in self.peers:
                    yield from self._heard(peer, message)
                elif peer is None:
                    yield None
                yield from self._look_at_the_clock()
                if all(one.gone and one.name not in self._again for one in self.peers):
                    return

    def _signalled(self, number: int) -> None:
        """Not by way of the inbox: its lock may be held by whom the signal interrupted."""
        self.signal = number

    def _heard(self, peer: Peer, message: Message) -> Iterator[tuple[Peer, Message]]:
        kind = message["event"]
        if kind == "connected":
            peer.connected = True
            self.report.on(events.HostState(host=peer.name, state="connected"))
            peer.greet(self._greeting(peer))
        elif kind in ("unreachable", "gone"):
            yield from self._lost(peer)
        elif kind in TROUBLE:
            peer.error = protocol.error(peer, message)
        elif kind in ENDINGS:
            peer.ending, peer.gone = kind, True
            yield peer, message
        elif kind != "beat":
            peer.looked = True
            self._is_back(peer)
            yield peer, message

    def _lost(self, peer: Peer) -> Iterator[tuple[Peer, Message]]:
        if peer.gone:
            return
        peer.gone = True
        if not peer.ending and not peer.error:
            peer.error = protocol.lost(peer)
        if peer.error:
            yield from self._retry(peer)

    def _retry(self, peer: Peer) -> Iterator[tuple[Peer, Message]]:
        error = peer.error
        assert error is not None
        if self._lasting and isinstance(error, TryAgain):
            tries = self._tries.get(peer.name, 0)
            pause = PAUSES[min(tries, len(PAUSES) - 1)]
            self._tries[peer.name], self._again[peer.name] = tries + 1, time.monotonic() + pause
            self.report.on(events.Notice(host=peer.name, level="warning", message=(
                f"{peer.trouble or 'the connection was lost'}; trying again in {pause:g} s")))
        else:
            self.report.on(events.of_error(error, peer.name))
        yield peer, {"event": "lost"}

    def _is_back(self, peer: Peer) -> None:
        if self._tries.pop(peer.name, 0):
            self.report.on(events.Notice(host=peer.name, message="it is back"))

    def _look_at_the_clock(self) -> Iterator[tuple[Peer, Message]]:
        now = time.monotonic()
        if self.fleet.inbox.qsize() > MOST // 2:
            self._slow = now                # the screen is: what hosts say waits, and none of them is late
        for peer in list(self.peers):
            if not peer.gone and peer.overdue() and now - self._slow > CATCHING_UP:
                peer.error = protocol.silent(peer)
                yield from self._lost(peer)
                peer.close()
            elif self._again.get(peer.name, now) < now:
                del self._again[peer.name]
                self.fleet.renew(peer)
