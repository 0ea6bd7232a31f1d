"""What the interpreters of far hosts took the last time: to ask one takes a round trip."""

from __future__ import annotations

from collections.abc import Callable

from .connection import known_servers
from .connection.host_connection import FirstInput, HostConnection
from .connection.known_servers import Server
from .sent_executor.bootstrap import OURS

COMPILED_WITHIN = 0.075                     # seconds of a round trip: code is larger, so TCP takes one more for it


def first_input(server: str, command: str, program: Callable[[str], bytes]) -> FirstInput:
    """The program that goes to a far server with the login."""
    kind = last_kind(server, command)
    return FirstInput(kind, program(kind))


def last_kind(server: str, command: str) -> str:
    """Of the interpreter that the command started there; "" where sources are better, or nothing is known."""
    return OURS if known_servers.recall(_name(server, command)).runs_compiled else ""


def remember(connection: HostConnection, command: str, kind: str) -> None:
    """`kind`: as the interpreter named it now."""
    transport, name = connection.transport, _name(connection.server, command)
    now = Server(runs_compiled=kind == OURS and transport.round_trip < COMPILED_WITHIN)
    if not transport.is_near and now != known_servers.recall(name):
        known_servers.remember(name, now)


def _name(server: str, command: str) -> str:
    return f"{server} {OURS} {command}"
