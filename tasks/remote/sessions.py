"""Opens sessions with the executor on the hosts of one command. What these have in common is made once."""

from __future__ import annotations

import contextlib

from ..executor.protocol import BEATS_PER_LEASE, Verb
from ..inventory.model import Host
from .bootstrap import command, program
from .connection import connect
from .login import FirstSession
from .session import Deliver, Session, likely_interpreter, open_session
from .ssh_answers import SshAnswers


class Sessions:
    """From any thread. All sessions are for one verb."""

    def __init__(self, verb: Verb) -> None:
        self._program = program(verb)
        self._ask = SshAnswers()

    def open(self, host: Host, deliver: Deliver) -> Session:
        """Connects, and sends the executor. Raises what connect() raises."""
        first = FirstSession(command(host.python), self._prepare)
        connection = connect(host, self._ask, first)
        return open_session(connection, first.command, self._program, deliver, host.lease / BEATS_PER_LEASE)

    def _prepare(self, round_trip: float) -> None:
        """Makes the program for that host. A bug in it is told by the session, which asks for it again."""
        with contextlib.suppress(Exception):
            self._program(likely_interpreter(round_trip))
