"""Keys of an agent, and keys with a certificate."""

from __future__ import annotations

import copy
import socket
from typing import Any

from paramiko import AgentKey, PKey, SSHException
from paramiko.agent import SSH2_AGENT_IDENTITIES_ANSWER, AgentSSH, cSSH2_AGENTC_REQUEST_IDENTITIES
from paramiko.pkey import PublicBlob


def keys_of_agent(connection: socket.socket) -> tuple[AgentKey, ...]:
    """The keys of the agent behind a connected socket; paramiko's own Agent knows SSH_AUTH_SOCK only.

    A certificate in the agent is shown to the server, and signed with, as a whole.
    """
    keys = _Agent(connection).get_keys()
    for key in keys:
        if "-cert-v01@" in key.get_name():  # paramiko would show the bare key under the certificate's name
            key.inner_key = None  # type: ignore[attr-defined]
    return keys


class _Agent(AgentSSH):
    def __init__(self, connection: socket.socket) -> None:
        """As AgentSSH._connect, which reads every comment as UTF-8."""
        super().__init__()
        agent: Any = self
        agent._conn = connection
        kind, answer = agent._send_message(cSSH2_AGENTC_REQUEST_IDENTITIES)
        if kind != SSH2_AGENT_IDENTITIES_ANSWER:
            raise SSHException("the agent shows no keys")
        keys = [(answer.get_binary(), answer.get_binary()) for _ in range(answer.get_int())]
        agent._keys = tuple(AgentKey(agent, blob, comment.decode(errors="replace")) for blob, comment in keys)


def with_certificate(key: PKey, certificate: PublicBlob) -> PKey:
    """A copy of the key that shows the certificate in place of its public half."""
    certified = AgentKey(key.agent, key.blob, key.comment) if isinstance(key, AgentKey) else copy.copy(key)
    certified.public_blob = certificate
    return certified
