"""An open SSH connection to a host, and those to its gateways."""

from __future__ import annotations

import socket
from contextlib import suppress

import fabric
from msgspec import Struct
from paramiko import Channel, Transport


class FirstInput(Struct, frozen=True):
    """What the command of a session reads first. `kind`: of the interpreter that can run it, "" for any."""

    kind: str
    data: bytes


class HostConnection(fabric.Connection):  # type: ignore[misc]
    """A fabric.Connection that owns the connections to its gateways. `server`: the name of the server, and of the way
    to it, by which it is remembered. `first_input`: what its session was sent already, with the login."""

    hop: HostConnection | None = None
    server = ""
    first_input: FirstInput | None = None

    def close(self) -> None:
        """Orderly; may wait while a link is frozen (see sever)."""
        _shut_down(self.client.get_transport())
        super().close()
        if self.hop is not None:
            self.hop.close()

    def sever(self) -> None:
        """Ends every thread and socket at once, whatever state the link is in. From any thread."""
        if self.hop is not None:
            self.hop.sever()                # the innermost socket first: no layer above can block then
        transport = self.client.get_transport()
        _shut_down(transport)
        with suppress(Exception):
            transport.close()


def _shut_down(transport: Transport | None) -> None:
    """Wakes the transport's thread: the end of a socket does, its close does not."""
    with suppress(Exception):
        if transport is not None and not isinstance(transport.sock, Channel):
            transport.sock.shutdown(socket.SHUT_RDWR)
