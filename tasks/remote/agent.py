"""The keys of an ssh-agent: SSH_AUTH_SOCK, or IdentityAgent of the ssh configuration."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from paramiko import AgentKey, SSHException
from paramiko.agent import AgentSSH


class _Agent(AgentSSH):
    """paramiko's own Agent knows SSH_AUTH_SOCK only."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connect(connection)  # type: ignore[attr-defined]


@contextmanager
def agent_keys(socket_path: str | None) -> Iterator[tuple[AgentKey, ...]]:
    """No agent, or one that does not answer: no keys. "none" asks none."""
    path = socket_path or os.environ.get("SSH_AUTH_SOCK", "")
    if path in ("", "none"):
        yield ()
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        yield _read(connection, path)


def _read(connection: socket.socket, path: str) -> tuple[AgentKey, ...]:
    try:
        connection.settimeout(5)
        connection.connect(path)
        keys = _Agent(connection).get_keys()
    except (OSError, SSHException):
        return ()
    connection.settimeout(None)             # signing may wait for a person: a touch, a confirmation
    return tuple(keys)
