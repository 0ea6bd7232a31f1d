"""Opens a verified SSH connection to a host of the inventory: strict host keys on every hop.

Every failure becomes an error of ours: HostKeyError, LoginError (exit 2) or Unreachable (exit 75).
"""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from ..._errors import Unreachable
from ...inventory.model import Host
from ..configuration.ssh_config import Settings, effective
from ..configuration.ssh_options import Ask, ask
from ..host_keys import known_hosts
from ..host_keys.verifier import Verifier
from ..user_keys.keys import keys_for
from . import dial, gateways, known_servers
from .dial import Dial
from .endpoint import Endpoint, open_once
from .handshake import EarlyExchangeFailed, TurnedAway
from .host_connection import FirstInput, HostConnection
from .known_servers import Server
from .login import CutOff

FIRST_PAUSE, LONGEST_PAUSE = 0.3, 2.0       # seconds


class _Route(Struct, frozen=True):
    """The way to a host. `label`: its name in messages; `path`: the host and its gateways so far, to find circles;
    `ask`: answers for the ssh configuration; `dial`, `command`, `first_input`: see connect(). A gateway gets none
    of these: no session."""

    label: str
    path: tuple[Host, ...]
    ask: Ask
    dial: Dial
    command: str | None
    first_input: Callable[[str], FirstInput] | None = None


def connect(host: Host, ask: Ask = ask, command: str = "", dial: Dial = dial.directly,
            first_input: Callable[[str], FirstInput] | None = None) -> HostConnection:
    """An open connection; close it. Raises HostKeyError, LoginError, Unreachable or Mistake.

    `command`: what the first session will run, where that is known; the host may begin it at once. `first_input`: what
    that reads first, by the server's name; a server that was far the last time gets it with the login. `dial`: makes
    the socket to the host, or to the first gateway.

    Needs at most about twice `host.connect_timeout` seconds a hop; three times where its server answers no request for
    a session that comes early.
    """
    logger = logging.getLogger("paramiko")
    if not logger.handlers:                 # its tracebacks would reach stderr through logging's last resort
        logger.addHandler(logging.NullHandler())
    return _connect(host, _Route(host.name, (host,), ask, dial, command, first_input))


def _connect(host: Host, route: _Route) -> HostConnection:
    settings = effective(host, route.ask)
    known = known_hosts.load(host, settings)
    with keys_for(host, settings) as offered:
        hop = _open_gateway(host, settings, route)
        label = dial.label_of(route.label, settings)
        verifier = Verifier(label, settings, known, via=hop.original_host if hop else "")
        endpoint = Endpoint(host, settings, _reach(route, hop), verifier, offered, route.command, route.first_input)
        try:
            connection = _open_as_known(endpoint)
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


def _open_as_known(endpoint: Endpoint) -> HostConnection:
    """As the server was when it last let us in."""
    known = known_servers.recall(endpoint.name)
    try:
        connection, assumed = _open_patiently(endpoint, known)
    except Unreachable:
        if known.key_exchange:              # which may be why
            known_servers.remember(endpoint.name, replace(known_servers.recall(endpoint.name), key_exchange=""))
        raise
    transport = connection.transport
    was_cut_off = known.takes_early and not assumed.takes_early
    takes_early = assumed.takes_early or (was_cut_off and not transport.opens_session())    # it opens none at all
    is_far = transport.is_openssh and not transport.is_near
    now = Server(transport.key_exchange if is_far else "", takes_early)
    if now != known or was_cut_off:
        known_servers.remember(endpoint.name, now)
    return connection


def _open_patiently(endpoint: Endpoint, assumed: Server) -> tuple[HostConnection, Server]:
    """Tries again, for `connect_timeout` seconds, while sshd turns connections away: a gateway to many hosts does so
    when all of them are connected at once (MaxStartups). And at once where the server is not as assumed. Also returns
    what was assumed at last."""
    deadline = time.monotonic() + endpoint.host.connect_timeout
    pause = FIRST_PAUSE
    while True:
        try:
            return open_once(endpoint, assumed), assumed
        except EarlyExchangeFailed:
            assumed = replace(assumed, key_exchange="")
            continue
        except CutOff as error:
            assumed = replace(assumed, takes_early=False)
            endpoint = replace(endpoint, keys=error.keys)
            known_servers.remember(endpoint.name, assumed)      # one that ends each login gets no key twice again
            continue
        except TurnedAway:
            if time.monotonic() + pause > deadline:
                raise
        assumed = replace(assumed, key_exchange="")
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, LONGEST_PAUSE)
