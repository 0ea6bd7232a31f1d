"""Everything that leans on private parts of paramiko: the one file to look at when paramiko is upgraded."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from paramiko import AgentKey, Channel, Message, PKey, RSAKey, Transport
from paramiko.agent import AgentSSH
from paramiko.auth_handler import AuthHandler
from paramiko.common import cMSG_CHANNEL_REQUEST


def execute(channel: Channel, command: str) -> None:
    """Channel.exec_command without its wait for the answer, which costs a round trip and has no timeout.

    If the server refuses, paramiko closes the channel, and that ends the stream.
    """
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(command)
    transport: Any = channel.get_transport()
    transport._send_user_message(message)


def agent_keys(connection: socket.socket) -> tuple[AgentKey, ...]:
    """The keys of the agent behind a connected socket; paramiko's own Agent knows SSH_AUTH_SOCK only."""
    return _Agent(connection).get_keys()


class _Agent(AgentSSH):
    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connect(connection)  # type: ignore[attr-defined]


def on_banner_line(transport: Transport, hear: Callable[[str], None]) -> None:
    """Calls hear(line) for each line that the server sends up to its SSH banner."""
    read = transport.packetizer.readline

    def readline(timeout: float) -> str:
        line = read(timeout)
        hear(line)
        return line

    transport.packetizer.readline = readline  # type: ignore[method-assign]


def authenticate(transport: Transport, user: str, key: PKey) -> list[str]:
    """Transport.auth_publickey, a round trip shorter where it can be: for which algorithm an RSA key may sign
    is known only once the server has answered. Returns the methods that the server still asks for."""
    if isinstance(key, (RSAKey, AgentKey)) or not transport.is_active():
        return transport.auth_publickey(user, key)
    finished = threading.Event()
    transport.auth_handler = _EarlyLogin(transport)
    transport.auth_handler.auth_publickey(user, key, finished)
    return transport.auth_handler.wait_for_response(finished)


class _EarlyLogin(AuthHandler):
    """Asks for the login service and logs in to it without waiting for the first answer, as paramiko would; a
    server without that service closes the connection (RFC 4253, section 10)."""

    def _request_auth(self) -> None:
        before: Any = super()
        before._request_auth()
        granted = Message()
        granted.add_string("ssh-userauth")
        granted.rewind()
        before._parse_service_accept(granted)

    def _parse_service_accept(self, message: Message) -> None:
        """The server's answer comes after everything was sent."""
