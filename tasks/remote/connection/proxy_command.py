"""ProxyCommand of the ssh configuration: a program whose standard input and output are the connection."""

from __future__ import annotations

import os
import socket
import subprocess
import threading

KEPT = 2000                                 # bytes of what it prints on standard error


class ProxyCommand:
    """A program that runs, as ssh runs it. paramiko's own waits 0.1 s a read, never sees the end of the stream, and
    knows no shell. `link` is our end of its standard input and output."""

    def __init__(self, command: str) -> None:
        """Raises OSError."""
        self._stderr = b""
        self.link, theirs = socket.socketpair()
        shell = os.environ.get("SHELL") or "/bin/sh"
        with theirs:
            self._process = subprocess.Popen([shell, "-c", f"exec {command}"], stdin=theirs.fileno(),
                                             stdout=theirs.fileno(), stderr=subprocess.PIPE, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True, name="proxy command")
        self._reader.start()

    def complaint(self) -> str:
        """Its standard error as one line, once it has ended or half a second is over."""
        self._reader.join(0.5)
        return "; ".join(self._stderr.decode(errors="replace").split("\n")).strip("; \r")

    def _read(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        with stderr:
            while data := os.read(stderr.fileno(), 4096):
                self._stderr = (self._stderr + data)[-KEPT:]
        self._process.wait()
