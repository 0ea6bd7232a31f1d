"""One server on the way to a host, and one try to get in."""

from __future__ import annotations

import time
from typing import Any

import fabric
from msgspec import Struct
from paramiko import SSHConfig, SSHException

from ..._errors import Unreachable
from ...inventory.model import Host
from ..configuration.ssh_config import Settings
from ..host_keys.verifier import Verifier
from ..user_keys.key_offers import Keys
from .dial import Dial
from .handshake import Handshake
from .host_connection import HostConnection
from .known_servers import Server
from .login import Login
from .proxy_command import ProxyCommand


class Endpoint(Struct, frozen=True):
    """A server and what it takes to get in. `reach` makes the socket; `command`: what the session will run, "" where
    that is not known yet; None for no session."""

    host: Host
    settings: Settings
    reach: Dial
    verifier: Verifier
    keys: Keys
    command: str | None

    @property
    def name(self) -> str:
        """Of the server, and of the way to it."""
        return f"{self.settings.lookup_name} {self.settings.hostname}:{self.settings.port} {self.verifier.via}"


def open_once(endpoint: Endpoint, assumed: Server) -> HostConnection:
    """Raises HostKeyError, LoginError, Unreachable or Mistake; TurnedAway, EarlyExchangeFailed and CutOff where another
    try may help."""
    started = time.monotonic()
    host, settings, verifier = endpoint.host, endpoint.settings, endpoint.verifier
    login = Login(verifier.label, settings.user, endpoint.keys, host.connect_timeout,
                  endpoint.command if assumed.takes_early else None)
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
        connect_kwargs=kwargs, config=fabric.Config(lazy=True, ssh_config=SSHConfig()))
    connection.original_host = host.name
    connection.server = endpoint.name
    connection.client.set_missing_host_key_policy(handshake.verifier)
    try:
        connection.open()
        if not connection.transport.has_session():
            raise login.cut_off(f"{verifier.label}: the host opens no channel")
    except BaseException as error:
        connection.sever()
        link.close()
        if isinstance(error, (SSHException, EOFError, OSError)):
            raise handshake.explain(error) from None
        raise
    return connection


def _proxy(label: str, settings: Settings) -> ProxyCommand:
    try:
        return ProxyCommand(settings.proxy_command or "")
    except OSError as error:
        raise Unreachable(f"{label}: ProxyCommand: {error}", "see ~/.ssh/config") from None
