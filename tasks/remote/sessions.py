"""Opens sessions with the executor on the hosts of one command. What these have in common is made once."""

from __future__ import annotations

from collections.abc import Callable

from ..executor.protocol import BEATS_PER_LEASE, Verb
from ..inventory.model import Host
from .bootstrap import command, program
from .connection import connect
from .session import Deliver, Session, open_session
from .ssh_answers import SshAnswers


class Sessions:
    """From any thread. All sessions are for one verb. `ask` may have begun to ask already."""

    def __init__(self, verb: Verb, ask: SshAnswers | None = None) -> None:
        self._program = program(verb)
        self._ask = ask or SshAnswers()

    def open(self, host: Host, deliver: Deliver, dials: Callable[[], object] = lambda: None) -> Session:
        """Connects, and sends the executor. Raises what connect() raises. `dials`: as for connect()."""
        start = command(host.python)
        connection = connect(host, self._ask, start, dials)
        return open_session(connection, start, self._program, deliver, host.lease / BEATS_PER_LEASE)
