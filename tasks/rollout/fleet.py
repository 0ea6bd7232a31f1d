"""The hosts of one command: one channel and one executor each, all heard in one inbox."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._errors import Bug, FabvisorError

if TYPE_CHECKING:
    from ..inventory.model import Host, Target
    from ..remote.bootstrap import Program
    from ..remote.session import Session
    from .events import History
    from .facts import Facts
    from .steps import Plan

Message = Mapping[str, Any]
Inbox = queue.SimpleQueue[Any] | queue.Queue[Any]
BEATS_A_LEASE = 4
TICK = 0.2


class Peer:
    """One host, as the client knows it. `done`: the last phase that is over; `ending`: how its deploy ended."""

    def __init__(self, host: Host, targets: list[Target]) -> None:
        self.host = host
        self.targets = targets
        self.session: Session | None = None
        self.error: FabvisorError | None = None
        self.before: FabvisorError | None = None    # why the connection before this one ended
        self.connected = False
        self.greeted: float | None = None           # when the first message was sent
        self.looked = False                         # it answered the request to lock, one way or the other
        self.refusal: Message | None = None         # who holds the lock
        self.recovered: dict[str, str] = {}         # services of an interrupted deploy: how that ended now
        self.facts: dict[str, Facts] = {}
        self.odd: dict[str, str] = {}               # services that could not be looked at, and why
        self.history: list[History] = []            # oldest first
        self.heads: dict[str, str | None] = {}      # commits on the disk, where the facts were not asked for
        self.plans: dict[str, Plan] = {}
        self.compared: dict[str, Message] = {}      # by service, what it says of a plan before there is a deploy
        self.planned = False                        # it was given a plan: from then on it must say how it ended
        self.gone = False                           # nothing more will be heard of it
        self.done = ""
        self.ending = ""
        self.now: dict[str, str | None] = {}
        self.why = ""

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def services(self) -> list[str]:
        return [target.service.name for target in self.targets]

    @property
    def trouble(self) -> str:
        """Its error in words, without the host's own name in front."""
        error = self.error or self.before
        return error.message.removeprefix(f"{self.name}: ") if error else ""

    def send(self, message: Message) -> None:
        if self.session is not None:
            self.session.send(message)

    def greet(self, message: Message) -> None:
        """The first message; from now on it beats."""
        self.greeted = time.monotonic()
        self.send(message)

    def overdue(self) -> bool:
        """Nothing was heard of it for as long as its lease."""
        if self.session is None or self.greeted is None:
            return False
        return time.monotonic() - max(self.greeted, self.session.last_heard) > self.host.lease

    def close(self) -> None:
        if self.session is not None:
            self.session.close()


class Fleet:
    """Peers in the order of their names; a context manager, so that every connection is closed.

    `most`: so many messages may wait to be heard; whoever says more waits. 0: no limit.
    """

    def __init__(self, targets: tuple[Target, ...], most: int = 0) -> None:
        self.targets = targets
        self._begun = False
        by_host: dict[str, list[Target]] = {}
        for target in targets:
            by_host.setdefault(target.host.name, []).append(target)
        self.peers = [Peer(found[0].host, found) for _, found in sorted(by_host.items())]
        self.inbox: Inbox = queue.Queue(most) if most else queue.SimpleQueue()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *exc: object) -> None:
        for peer in self.peers:
            peer.close()

    def connect(self) -> None:
        """Begin, once, to connect to all at once; of each, `connected` or `unreachable` comes to the inbox."""
        if self._begun:
            return
        self._begun = True
        program = executor()
        for peer in self.peers:
            self._begin(peer, program)

    def renew(self, lost: Peer) -> Peer:
        """Connect anew to a host that was lost: nothing that the old peer still says is taken for the new one's."""
        lost.close()
        peer = Peer(lost.host, lost.targets)
        peer.before = lost.error or lost.before
        self.peers[self.peers.index(lost)] = peer
        self._begin(peer, executor())
        return peer

    def messages(self) -> Iterator[tuple[Peer | None, Message]]:
        """What comes, as it comes; the end of a stream is `gone`. Every TICK of silence gives (None, {})."""
        while True:
            try:
                peer, message = self.inbox.get(timeout=TICK)
            except queue.Empty:
                yield None, {}
                continue
            yield peer, {"event": "gone"} if message is None else message

    def _begin(self, peer: Peer, program: Program) -> None:
        threading.Thread(target=self._connect, args=(peer, program), daemon=True).start()

    def _connect(self, peer: Peer, program: Program) -> None:
        try:
            peer.session = open_session(peer.host, program, lambda message: self.inbox.put((peer, message)))
        except FabvisorError as error:
            peer.error = error
        except Exception as error:
            peer.error = Bug(f"{peer.name}: a bug: {type(error).__name__}: {error}", traceback.format_exc())
        self.inbox.put((peer, {"event": "unreachable" if peer.error else "connected"}))


def executor() -> Program:
    from ..remote.bootstrap import Program

    return Program()


def open_session(host: Host, program: Program, deliver: Callable[[Message | None], None]) -> Session:
    """Connect, send the executor, begin to beat."""
    from ..remote import bootstrap, session
    from ..remote.connection import connect

    opened = session.open_session(connect(host), bootstrap.command(host.python), program, deliver)
    opened.start_heartbeat(host.lease / BEATS_A_LEASE)
    return opened
