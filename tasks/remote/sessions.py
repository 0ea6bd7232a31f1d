"""Opens sessions with the executor on the hosts of one command. What these have in common is made once."""

from __future__ import annotations

from collections.abc import Callable

from ..executor.protocol import BEATS_PER_LEASE, Verb
from ..inventory.model import Host
from .connection.connection import connect
from .early_dial import EarlyDial
from .known_interpreters import first_input
from .sent_executor.bootstrap import command, program
from .session import Deliver, Session, open_session


class Sessions:
    """From any thread. All sessions are for one verb."""

    def __init__(self, verb: Verb, early: EarlyDial | None = None) -> None:
        self._program = program(verb)
        self._early = early or EarlyDial()

    def open(self, host: Host, deliver: Deliver, sent: Callable[[], object] = lambda: None) -> Session:
        """Connects, and sends the executor; then calls sent(), on any thread. Raises what connect() raises."""
        start = command(host.python)
        connection = connect(host, self._early.ask, start, self._early.dial,
                             lambda server: first_input(server, start, self._program))
        return open_session(connection, start, self._program, deliver, host.lease / BEATS_PER_LEASE, sent)
