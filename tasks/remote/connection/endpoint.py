"""One server on the way to a host, and one try to get in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from paramiko import SSHException

from ..._errors import Unreachable
from ...inventory.model import Host
from .. import fabric_config
from ..configuration.ssh_config import Settings
from ..host_keys.verifier import Verifier
from ..user_keys.key_offers import Keys
from .dial import Dial
from .handshake import Handshake
from .host_connection import FirstInput, HostConnection
from .known_servers import Server
from .login import Login
from .proxy_command import ProxyCommand


class Endpoint(Struct, frozen=True):
    """A server and what it takes to get in. `reach` makes the socket; `command`: what the session will run, "" where
    that is not known yet; None for no session. `first_input`: what the command reads first, by the server's name."""

    host: Host
    settings: Settings
    reach: Dial
    verifier: Verifier
    keys: Keys
    command: str | None
    first_input: Callable[[str], FirstInput] | None = None

    @property
    def name(self) -> str:
        """Of the server, and of the way to it."""
        return f"{self.settings.lookup_name} {self.settings.hostname}:{self.settings.port} {self.verifier.via}"


def open_once(endpoint: Endpoint, assumed: Server) -> HostConnection:
    """Raises HostKeyError, LoginError, Unreachable or Mistake; TurnedAway, EarlyExchangeFailed and CutOff where another
    try may help."""
    started = time.monotonic()
    host, settings, verifier = endpoint.host, endpoint.settings, endpoint.verifier
    first_input = _first_input(endpoint, assumed)
    login = Login(verifier.label, settings.user, endpoint.keys, host.connect_timeout,
                  endpoint.command if assumed.takes_early else None, first_input.data if first_input else b"")
    proxy = _proxy(verifier.label, settings) if settings.proxy_command else None
    handshake = Handshake(verifier.label, settings, host.connect_timeout, verifier, proxy, assumed.key_exchange)
    link = proxy.link if proxy else endpoint.reach(verifier.label, settings, host.connect_timeout)
    left = max(1.0, host.connect_timeout - (time.monotonic() - started))
    kwargs: dict[str, Any] = {
        "sock": link, "auth_strategy": login, "timeout": left, "banner_timeout": left, "auth_timeout": left,
        "channel_timeout": host.connect_timeout, "transport_factory": handshake.transport,
    }
    connection = HostConnection(
        settings.hostname, user=settings.user, port=settings.port, gateway=False, forward_agent=False,
        connect_kwargs=kwargs, config=fabric_config.of_connection())
    connection.original_host = host.name
    connection.server = endpoint.name
    connection.client.set_missing_host_key_policy(handshake.verifier)
    try:
        connection.open()
        if not connection.transport.has_session():
            raise login.cut_off(f"{verifier.label}: the host opens no channel")
        if connection.transport.has_requested:
            connection.first_input = first_input
    except BaseException as error:
        connection.sever()
        link.close()
        if isinstance(error, (SSHException, EOFError, OSError)):
            raise handshake.explain(error) from None
        raise
    return connection


def _first_input(endpoint: Endpoint, assumed: Server) -> FirstInput | None:
    """Of a server that was far the last time: a near one can be asked what it takes."""
    if endpoint.first_input and endpoint.command and assumed.takes_early and assumed.key_exchange:
        return endpoint.first_input(endpoint.name)
    return None


def _proxy(label: str, settings: Settings) -> ProxyCommand:
    try:
        return ProxyCommand(settings.proxy_command or "")
    except OSError as error:
        raise Unreachable(f"{label}: ProxyCommand: {error}", "see ~/.ssh/config") from None
