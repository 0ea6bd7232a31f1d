"""Dials the first host while what the connection to it needs is imported: its sshd takes a moment to start, and a far
host a round trip."""

from __future__ import annotations

import queue
import socket
import threading

from .._errors import Unreachable
from ..inventory.model import Host
from .configuration.ssh_answers import SshAnswers
from .configuration.ssh_config import Settings, effective
from .connection import dial


class EarlyDial:
    """Asks and dials for the connections of one command, from any thread."""

    def __init__(self) -> None:
        self.ask = SshAnswers()
        self._first = ""
        self._answer: queue.SimpleQueue[socket.socket | Unreachable | None] = queue.SimpleQueue()

    def begin(self, host: Host) -> None:
        """Ask and dial for it now, on a thread; call it once, before all others."""
        self._first = host.name
        threading.Thread(target=lambda: self._answer.put(self._dial_first(host)), daemon=True).start()

    def dial(self, label: str, settings: Settings, seconds: float) -> socket.socket:
        """As dial.directly(). For the host of begin(), the first time: the socket or the error of its early dial."""
        answer = None
        if settings.name == self._first:
            self._first = ""
            answer = self._answer.get()
        if isinstance(answer, Unreachable):
            raise answer
        return answer or dial.directly(label, settings, seconds)

    def _dial_first(self, host: Host) -> socket.socket | Unreachable | None:
        """None where another way leads to it, or where anything else is in the way: who connects meets it, too, and
        would wait for ever for a thread that has failed."""
        try:
            settings = effective(host, self.ask.kept)
            if settings.jumps or settings.proxy_command:
                return None
            return dial.directly(dial.label_of(host.name, settings), settings, host.connect_timeout)
        except Unreachable as error:
            return error
        except Exception:
            return None
