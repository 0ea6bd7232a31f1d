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

from ... import remote
from ..._errors import Bug, FabvisorError
from .. import protocol
from . import connection_errors, message_rules
from .peer import Peer
from .peer_events import Began, Connected, Lost, PackFailed, PeerEvent, Signalled

if TYPE_CHECKING:
    from ...executor.protocol import Verb
    from ...inventory.model import Host, Target
    from ...remote.sessions import Sessions

TICK = 0.2                      # seconds
CLOCK_EVERY = 0.5               # seconds between two looks at who is overdue
MOST_UNREAD = 128 * 2**10       # bytes of a host's messages that may wait to be read before the next; then it waits
SENT_WITHIN = 0.05              # seconds that connect() waits at most for that; a far host takes longer
ROOM_EVERY = 0.01               # seconds between two looks at whether they were read


class Fleet:
    """Peers in the order of their names; a context manager, so that every connection is closed."""

    def __init__(self, targets: tuple[Target, ...], verb: Verb, hosts: tuple[Host, ...] = ()) -> None:
        """`verb`: of the first message that each host will get. `hosts`: further ones, of which no service is known."""
        self.targets = targets
        self._verb: Verb = verb
        self._begun = False
        by_host: dict[str, list[Target]] = {}
        for target in targets:
            by_host.setdefault(target.host.name, []).append(target)
        self.peers = [Peer(of_host[0].host, of_host) for _, of_host in sorted(by_host.items())]
        self.peers += [Peer(host, []) for host in hosts]
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()       # a signal handler may write to it, too
        self._overdue: deque[Peer] = deque()
        self._next_look = 0.0

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *exc: object) -> None:
        for peer in self.peers:
            peer.close()

    def connect(self) -> None:
        """Begin, once, to connect to all at once; of each, Connected or Lost comes to the inbox.

        What that needs is imported, and the program on its way to a host, before it returns. The caller's own imports
        would make the hosts wait; and hundreds of threads would wait for each other's."""
        if self._begun:
            return
        self._begun = True
        with contextlib.suppress(Exception):        # each peer meets it, and tells it
            self._sessions  # noqa: B018
        sent = threading.Event()
        _thread(self._connect_all, [*self.peers], sent)
        sent.wait(SENT_WITHIN)

    def renew(self, lost: Peer) -> Peer:
        """Connect again to a lost host. The new peer takes the place of the old one, whose messages no longer count."""
        lost.close()
        peer = Peer(lost.host, lost.targets)
        peer.before = lost.error or lost.before
        self.peers[self.peers.index(lost)] = peer
        _thread(self._connect, peer)
        return peer

    def signal(self, number: int) -> None:
        """For a signal handler."""
        self._inbox.put((None, number, 0))

    def fail(self, peer: Peer, error: FabvisorError) -> None:
        """From any thread: the commit cannot be sent to this host."""
        self._put(peer, PackFailed(error))

    def give_up(self, peer: Peer, error: FabvisorError) -> None:
        """Close the connection to a host that does not answer."""
        peer.close()
        peer.apply(Lost(error))

    def wake(self) -> None:
        """From any thread: receive() returns at once."""
        self._inbox.put((None, None, 0))

    def receive(self) -> tuple[Peer, PeerEvent] | Signalled | None:
        """The next event, already applied to its peer; None after TICK seconds of silence."""
        while True:
            overdue = self._next_overdue()
            if overdue is not None:
                overdue.close()
                return self._apply(overdue, Lost(connection_errors.silent(overdue)))
            try:
                peer, item, received = self._inbox.get(timeout=TICK)
            except queue.Empty:
                return None
            if peer is None:
                return Signalled(item) if item else None
            peer.read = received
            event = None if peer.is_over else _event(peer, item)
            if event is not None:
                return self._apply(peer, event)

    def _apply(self, peer: Peer, event: PeerEvent) -> tuple[Peer, PeerEvent]:
        peer.apply(event)
        return peer, event

    def _next_overdue(self) -> Peer | None:
        """Not at each message: a look costs more with more hosts."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + CLOCK_EVERY
            self._overdue.extend(peer for peer in self.peers if peer.is_overdue(now))
        while self._overdue:
            peer = self._overdue.popleft()
            if not peer.is_over:
                return peer
        return None

    @functools.cached_property
    def _sessions(self) -> Sessions:
        """The first host is dialled while the rest is imported."""
        early = remote.early_dial.EarlyDial()
        for peer in self.peers[:1]:
            early.begin(peer.host)
        return remote.sessions.Sessions(self._verb, early)

    def _connect_all(self, peers: list[Peer], sent: threading.Event) -> None:
        """Hundreds of threads take their time to begin."""
        for peer in peers:
            _thread(self._connect, peer, sent.set)

    def _connect(self, peer: Peer, sent: Callable[[], object] = lambda: None) -> None:
        opened = threading.Event()          # a session may end before it is known here

        def hear(message: dict[str, Any] | None) -> None:
            opened.wait()
            self._hear(peer, message)

        try:
            peer.session = self._sessions.open(peer.host, hear, sent)
        except FabvisorError as error:
            self._put(peer, Lost(error))
        except Exception as error:
            bug = Bug(f"{peer.name}: a bug: {type(error).__name__}: {error}", traceback.format_exc())
            self._put(peer, Lost(bug))
        else:
            self._put(peer, Connected())
        finally:
            opened.set()
        if peer.session is None:
            sent()                          # nothing will be
        elif self._verb == "run":            # which is not sent to all hosts at once
            in_time = peer.session.wait_begun(peer.host.lease)
            self._put(peer, Began() if in_time else Lost(connection_errors.silent(peer)))

    def _hear(self, peer: Peer, message: dict[str, Any] | None) -> None:
        """On the thread that reads from the host: while it waits here, the host cannot send more. It waits for the
        messages before this one only, for one alone may be larger."""
        session = peer.session
        while session and not session.is_closed and peer.queued - peer.read > MOST_UNREAD:
            session.last_heard = time.monotonic()       # we are late, not the host
            time.sleep(ROOM_EVERY)
        self._put(peer, message)

    def _put(self, peer: Peer, item: Any) -> None:
        peer.queued = peer.session.received if peer.session else 0
        self._inbox.put((peer, item, peer.queued))


def _thread(work: Callable[..., None], *args: object) -> None:
    threading.Thread(target=work, args=args, daemon=True).start()


def _event(peer: Peer, item: Any) -> PeerEvent | None:
    """Turns an item of a session into an event; `item` is None at the end of the stream. A beat is no event."""
    if isinstance(item, (Connected, Began, Lost, PackFailed)):
        return item
    if item is None:
        return Lost(connection_errors.lost(peer))
    if "event" not in item:
        return None                         # a login shell may print JSON, too
    try:
        message = protocol.decode(peer.name, item)
        message_rules.check(peer, message)
    except protocol.NotInProtocol as error:
        peer.close()
        return Lost(connection_errors.not_in_protocol(peer, str(error)))
    return None if isinstance(message, protocol.Beat) else message
