"""The connections of a health check: no server waits at one for longer than the check needs it."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import Callable, Iterator

from ..errors import TakenByAnother, Unhealthy

OnConnect = Callable[[socket.socket], None]
MOST_ENDED = 8
ANSWERED_WITHIN = 0.5               # seconds
PIECE = 65536                       # bytes


class Connections:
    """Of one check, whose tries follow one another. `on_connect` may raise Unhealthy.

    One that the wrong process took is held until the next is made: a server that answers one after the other is busy
    with it, so that it cannot take the next, too. Then that process reads the end of it, and may still answer: a write
    to a closed unix socket ends a program that does not expect it.
    """

    def __init__(self, on_connect: OnConnect) -> None:
        self._on_connect = on_connect
        self._held: socket.socket | None = None
        self._ended: list[socket.socket] = []

    @contextlib.contextmanager
    def of_try(self) -> Iterator[Connection]:
        connection = Connection(self._on_connect, self._release_held)
        try:
            yield connection
        finally:
            connection.end()
            self._held = connection.taken

    def release(self) -> None:
        """The check is over; wait a moment for the answers that nobody asked for."""
        self._release_held()
        limit = time.monotonic() + ANSWERED_WITHIN
        for link in self._ended:
            _await_end(link, limit)

    def _release_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_WR)
            self._ended.append(held)
        while len(self._ended) > MOST_ENDED:
            self._ended.pop(0).close()


class Connection:
    """That of one try. `taken`: it, where the wrong process took it."""

    def __init__(self, on_connect: OnConnect, release_held: Callable[[], None]) -> None:
        self.taken: socket.socket | None = None
        self._on_connect = on_connect
        self.release_held = release_held
        self._link: socket.socket | None = None
        self._is_over = False

    def begin(self, link: socket.socket) -> None:
        """It is made. Nothing is asked before this returns. Raises Unhealthy."""
        self._link = link
        if self._is_over:
            raise Unhealthy("the try is over")
        self.release_held()
        try:
            self._on_connect(link)
        except TakenByAnother:
            self.taken = socket.socket(fileno=os.dup(link.fileno()))
            raise

    def end(self) -> None:
        """The try is over, whatever its thread still does: the server sees the end of the connection."""
        self._is_over = True
        self.release_held()
        if self._link is not None and self.taken is None:
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)


def _await_end(link: socket.socket, limit: float) -> None:
    with link, contextlib.suppress(OSError):
        while (left := limit - time.monotonic()) > 0:
            link.settimeout(left)
            if not link.recv(PIECE):
                return
