"""The keys of an ssh-agent: SSH_AUTH_SOCK, or IdentityAgent of the ssh configuration."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from paramiko import AgentKey, SSHException

from ..paramiko_private.agent_keys import keys_of_agent

TOUCH_LIMIT = 60.0                          # seconds: signing may wait for a person: a touch, a confirmation


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
        keys = keys_of_agent(connection)
    except (OSError, SSHException):
        return ()
    connection.settimeout(TOUCH_LIMIT)
    return keys
