"""Opens a verified SSH connection to a host of the inventory: strict host keys on every hop.

Every failure becomes an error of ours: HostKeyError, LoginError (exit 2) or Unreachable (exit 75).
"""

from __future__ import annotations

import functools
import logging
import random
import socket
import time
from contextlib import suppress
from typing import Any

import fabric
from msgspec import Struct
from paramiko import Channel, SSHConfig, SSHException, Transport

from .._errors import Unreachable
from ..inventory.model import Host
from . import dial, gateways, known_hosts, known_servers
from .dial import Dial
from .handshake import Handshake, Misjudged, TurnedAway
from .host_keys import Verifier
from .keys import keys_for
from .known_servers import UNKNOWN, Server
from .login import Login
from .proxy_command import ProxyCommand
from .ssh_config import Settings, effective
from .ssh_options import Ask, ask

_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 2.0     # seconds


class HostConnection(fabric.Connection):  # type: ignore[misc]
    """A fabric.Connection that owns the connections to its gateways."""

    hop: HostConnection | None = None

    def close(self) -> None:
        """Orderly; may wait while a link is frozen (see sever)."""
        _shut_down(self.client.get_transport())
        super().close()
        if self.hop is not None:
            self.hop.close()

    def sever(self) -> None:
        """Ends every thread and socket at once, whatever state the link is in. From any thread."""
        if self.hop is not None:
            self.hop.sever()                # the innermost socket first: no layer above can block then
        transport = self.client.get_transport()
        _shut_down(transport)
        with suppress(Exception):
            transport.close()


def _shut_down(transport: Transport | None) -> None:
    """Wakes the transport's thread: the end of a socket does, its close does not."""
    with suppress(Exception):
        if transport is not None and not isinstance(transport.sock, Channel):
            transport.sock.shutdown(socket.SHUT_RDWR)


class _Route(Struct, frozen=True):
    """The way to a host: how messages call it, the hosts that it leads to, against circles, what answers for the ssh
    configuration, and what dials. `command`: see connect(); a gateway gets no session, and None for it."""

    label: str
    path: tuple[Host, ...]
    ask: Ask
    dial: Dial
    command: str | None


def connect(host: Host, ask: Ask = ask, command: str = "", dial: Dial = dial.directly) -> HostConnection:
    """An open connection; close it. Raises HostKeyError, LoginError, Unreachable or Mistake.

    `command`: what the first session will run, where that is known; the host may begin it at once. `dial`: makes the
    socket to the host, or to the first gateway.

    Needs at most about twice `host.connect_timeout` seconds a hop.
    """
    logger = logging.getLogger("paramiko")
    if not logger.handlers:                 # its tracebacks would reach stderr through logging's last resort
        logger.addHandler(logging.NullHandler())
    return _connect(host, _Route(host.name, (host,), ask, dial, command))


def _connect(host: Host, route: _Route) -> HostConnection:
    settings = effective(host, route.ask)
    known = known_hosts.load(host, settings)
    with keys_for(host, settings) as offered:
        hop = _open_gateway(host, settings, route)
        label = dial.label_of(route.label, settings)
        verifier = Verifier(label, settings, known, via=hop.original_host if hop else "")
        login = Login(label, settings.user, offered, host.connect_timeout, route.command)
        try:
            connection = _open_as_known(host, settings, _reach(route, hop), verifier, login)
        except BaseException:
            if hop is not None:
                hop.sever()
            raise
    connection.hop = hop
    return connection


def _open_gateway(host: Host, settings: Settings, route: _Route) -> HostConnection | None:
    gateway = gateways.gateway_of(host, settings)
    if gateway is None:
        return None
    gateways.refuse_circle(gateway, route.path)
    label = f"{route.path[0].name}: gateway {gateway.name}"
    return _connect(gateway, _Route(label, (*route.path, gateway), route.ask, route.dial, None))


def _reach(route: _Route, hop: HostConnection | None) -> Dial:
    if hop is None:
        return route.dial
    return functools.partial(gateways.through, gateway=hop.transport, gateway_name=hop.original_host)


def _open_as_known(host: Host, settings: Settings, reach: Dial, verifier: Verifier, login: Login) -> HostConnection:
    """As the server was when it last let us in."""
    name = f"{settings.lookup_name} {settings.hostname}:{settings.port} {verifier.via}"
    server = known_servers.recall(name)
    try:
        connection = _open_patiently(host, settings, reach, verifier, login, server.key_exchange)
    except Unreachable:
        if server.key_exchange:             # which may be why
            known_servers.remember(name, UNKNOWN)
        raise
    transport = connection.transport
    now = Server(transport.key_exchange if transport.is_openssh and not transport.is_near else "")
    if now != server:
        known_servers.remember(name, now)
    return connection


def _open_patiently(host: Host, settings: Settings, reach: Dial, verifier: Verifier, login: Login, guess: str
                    ) -> HostConnection:
    """Tries again, for `connect_timeout` seconds, while sshd turns connections away: a gateway to many hosts does so
    when all of them are connected at once (MaxStartups). And once where a guess was wrong."""
    deadline = time.monotonic() + host.connect_timeout
    pause = _FIRST_PAUSE
    while True:
        try:
            return _open(host, settings, reach, verifier, login, guess)
        except Misjudged:
            guess = ""
            continue
        except TurnedAway:
            if time.monotonic() + pause > deadline:
                raise
        guess = ""
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _open(host: Host, settings: Settings, reach: Dial, verifier: Verifier, login: Login, guess: str) -> HostConnection:
    started = time.monotonic()
    proxy = _proxy(verifier.label, settings) if settings.proxy_command else None
    handshake = Handshake(verifier.label, settings, host.connect_timeout, verifier, proxy, guess)
    link = proxy.link if proxy else reach(verifier.label, settings, host.connect_timeout)
    left = max(1.0, host.connect_timeout - (time.monotonic() - started))
    kwargs: dict[str, Any] = {
        "sock": link, "auth_strategy": login, "timeout": left, "banner_timeout": left, "auth_timeout": left,
        "channel_timeout": host.connect_timeout, "transport_factory": handshake.transport,
    }
    connection = HostConnection(
        settings.hostname, user=settings.user, port=settings.port, gateway=False, forward_agent=False,
        connect_kwargs=kwargs, config=fabric.Config(lazy=True, ssh_config=SSHConfig()))
    connection.original_host = host.name
    connection.client.set_missing_host_key_policy(handshake.verifier)
    try:
        connection.open()
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
