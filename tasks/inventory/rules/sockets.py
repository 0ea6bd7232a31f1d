"""The sockets of programs, on which supervisord listens (`[fcgi-program:x]`).

Source: supervisor/options.py `parse_fcgi_socket`, supervisor/datatypes.py `InetStreamSocketConfig` (4.2.5 and 4.3).
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from ..findings import quoted
from . import interpolation
from .values import check_port, check_word

TCP = re.compile(r"tcp://([A-Za-z0-9][A-Za-z0-9.-]*):([0-9]{1,5})")
LONGEST = 107               # bytes of a unix socket's path (unix(7))
ALL = "0.0.0.0"             # holds the port on every other address


class Socket(NamedTuple):
    """`host` and `port` of TCP; else `path`."""

    host: str
    port: int
    path: str

    def meets(self, other: Socket) -> bool:
        """Whether both cannot be listened on at the same time."""
        if self.path or other.path:
            return self.path == other.path
        return self.port == other.port and (self.host == other.host or ALL in (self.host, other.host))


def parse(text: str) -> Socket:
    """Of a text without mistakes."""
    tcp = TCP.fullmatch(text)
    if tcp:
        return Socket("127.0.0.1" if tcp[1].lower() == "localhost" else tcp[1].lower(), int(tcp[2]), "")
    return Socket("", 0, posixpath.normpath(text.removeprefix("unix://")))


def check_written(text: str) -> str:
    """The mistake in what hosts.yaml says, as far as it shows before variables are put in."""
    return "" if interpolation.PLACEHOLDER.search(text) else check_socket(text)


def check_socket(text: str) -> str:
    """The mistake in a socket; empty where it is fine."""
    tcp = TCP.fullmatch(text)
    if tcp and not check_port(int(tcp[2])):
        return ""
    path = text.removeprefix("unix://")
    if path != text and path.startswith("/") and posixpath.normpath(path) != "/" and not check_word(text):
        return "" if len(path.encode()) <= LONGEST else f"the path has more than {LONGEST} bytes: {quoted(path)}"
    return f"expected tcp://HOST:PORT (IPv4) or unix:///PATH such as tcp://127.0.0.1:8000, got {quoted(text)}"
