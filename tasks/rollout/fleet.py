"""The hosts of one command: one channel and one executor each, all heard in one inbox."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import remote
from .._errors import Bug, FabvisorError
from . import host_errors, protocol
from .peer import Connected, Lost, PackFailed, Peer, PeerEvent, Signalled

if TYPE_CHECKING:
    from ..inventory.model import Target
    from ..remote.sessions import Sessions

Inbox = queue.SimpleQueue[Any] | queue.Queue[Any]
TICK = 0.2                      # seconds
CLOCK_EVERY = 0.5               # seconds between two looks at who is overdue
CATCHING_UP = 1.0               # seconds


class Fleet:
    """Peers in the order of their names; a context manager, so that every connection is closed.

    `most`: so many messages may wait in the inbox; a host that sends more waits. 0: no limit.
    """

    def __init__(self, targets: tuple[Target, ...], most: int = 0) -> None:
        self.targets = targets
        self._begun = False
        by_host: dict[str, list[Target]] = {}
        for target in targets:
            by_host.setdefault(target.host.name, []).append(target)
        self.peers = [Peer(of_host[0].host, of_host) for _, of_host in sorted(by_host.items())]
        self._most = most
        self._inbox: Inbox = queue.Queue(most) if most else queue.SimpleQueue()
        self._overdue: deque[Peer] = deque()
        self._next_look = 0.0
        self._behind = 0.0                  # when the inbox was last found half full

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *exc: object) -> None:
        for peer in self.peers:
            peer.close()

    def connect(self) -> None:
        """Begin, once, to connect to all at once; of each, Connected or Lost comes to the inbox."""
        if self._begun:
            return
        self._begun = True
        _thread(self._connect_all, [*self.peers])

    def renew(self, lost: Peer) -> Peer:
        """Connect again to a lost host. The new peer takes the place of the old one, whose messages no longer count."""
        lost.close()
        peer = Peer(lost.host, lost.targets)
        peer.before = lost.error or lost.before
        self.peers[self.peers.index(lost)] = peer
        _thread(self._connect, peer)
        return peer

    def signal(self, number: int) -> None:
        """For a signal handler; only of a fleet without `most`, whose inbox can be written to at any moment."""
        self._inbox.put((None, number))

    def fail(self, peer: Peer, error: FabvisorError) -> None:
        """From any thread: the commit cannot be sent to this host."""
        self._inbox.put((peer, PackFailed(error)))

    def give_up(self, peer: Peer, error: FabvisorError) -> None:
        """Close the connection to a host that does not answer."""
        peer.close()
        peer.apply(Lost(error))

    def wake(self) -> None:
        """From any thread: receive() returns at once."""
        self._inbox.put((None, None))

    def receive(self) -> tuple[Peer, PeerEvent] | Signalled | None:
        """The next event, already applied to its peer; None after TICK seconds of silence."""
        while True:
            overdue = self._next_overdue()
            if overdue is not None:
                overdue.close()
                return self._apply(overdue, Lost(host_errors.silent(overdue)))
            try:
                peer, item = self._inbox.get(timeout=TICK)
            except queue.Empty:
                return None
            if peer is None:
                return Signalled(item) if item else None
            event = None if peer.is_over else _event(peer, item)
            if event is not None:
                return self._apply(peer, event)

    def _apply(self, peer: Peer, event: PeerEvent) -> tuple[Peer, PeerEvent]:
        peer.apply(event)
        return peer, event

    def _next_overdue(self) -> Peer | None:
        """Not at each message: a look costs more with more hosts."""
        now = time.monotonic()
        if self._most and self._inbox.qsize() > self._most // 2:
            self._behind = now              # the reader is slow: messages wait in the inbox, and no host is late
        if now >= self._next_look and now - self._behind > CATCHING_UP:
            self._next_look = now + CLOCK_EVERY
            self._overdue.extend(peer for peer in self.peers if peer.is_overdue(now))
        while self._overdue:
            peer = self._overdue.popleft()
            if not peer.is_over:
                return peer
        return None

    @functools.cached_property
    def _sessions(self) -> Sessions:
        return remote.sessions.Sessions()

    def _connect_all(self, peers: list[Peer]) -> None:
        """Imports what they need before there are hundreds of threads, which would wait for each other's imports."""
        with contextlib.suppress(Exception):        # each of them meets it, and tells it
            self._sessions  # noqa: B018
        for peer in peers:
            _thread(self._connect, peer)

    def _connect(self, peer: Peer) -> None:
        try:
            peer.session = self._sessions.open(peer.host, lambda message: self._inbox.put((peer, message)))
        except FabvisorError as error:
            self._inbox.put((peer, Lost(error)))
        except Exception as error:
            bug = Bug(f"{peer.name}: a bug: {type(error).__name__}: {error}", traceback.format_exc())
            self._inbox.put((peer, Lost(bug)))
        else:
            self._inbox.put((peer, Connected()))


def _thread(work: Callable[..., None], *args: object) -> None:
    threading.Thread(target=work, args=args, daemon=True).start()


def _event(peer: Peer, item: Any) -> PeerEvent | None:
    """Turns an item of a session into an event; `item` is None at the end of the stream. A beat is no event."""
    if isinstance(item, (Connected, Lost, PackFailed)):
        return item
    if item is None:
        return Lost(host_errors.lost(peer))
    if "event" not in item:
        return None                         # a login shell may print JSON, too
    try:
        message = protocol.decode(peer.name, item)
    except protocol.NotInProtocol as error:
        peer.close()
        return Lost(host_errors.not_in_protocol(peer, str(error)))
    return None if isinstance(message, protocol.Beat) else message
