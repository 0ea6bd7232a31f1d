"""The connections of a health check: no server waits at one for longer than the check needs it."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Callable, Iterator

from ..errors import TakenByAnother, Unhealthy

OnConnect = Callable[[socket.socket], None]


class Connections:
    """Of one check, whose tries follow one another. `on_connect` may raise Unhealthy.

    One that the wrong process took is held until the next is made: a server that answers one after the other is busy
    with it, so that it cannot take the next, too.
    """

    def __init__(self, on_connect: OnConnect) -> None:
        self._on_connect = on_connect
        self._held: socket.socket | None = None

    @contextlib.contextmanager
    def of_try(self) -> Iterator[Connection]:
        connection = Connection(self._on_connect, self._held)
        try:
            yield connection
        finally:
            connection.end()
            self._held = connection.taken

    def release(self) -> None:
        _close(self._held)


class Connection:
    """That of one try. `taken`: it, where the wrong process took it."""

    def __init__(self, on_connect: OnConnect, held: socket.socket | None) -> None:
        self.taken: socket.socket | None = None
        self._on_connect = on_connect
        self._held = held
        self._link: socket.socket | None = None
        self._is_over = False

    def begin(self, link: socket.socket) -> None:
        """It is made. Nothing is asked before this returns. Raises Unhealthy."""
        self._link = link
        self.release_held()
        if self._is_over:
            raise Unhealthy("the try is over")
        try:
            self._on_connect(link)
        except TakenByAnother:
            self.taken = socket.socket(fileno=os.dup(link.fileno()))
            raise

    def release_held(self) -> None:
        _close(self._held)

    def end(self) -> None:
        """The try is over, whatever its thread still does: the server sees the end of the connection."""
        self._is_over = True
        self.release_held()
        if self._link is not None and self.taken is None:
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)


def _close(link: socket.socket | None) -> None:
    if link is not None:
        link.close()
