"""A connected socket to a host. It needs no paramiko: the first host is dialled while that is imported."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from ..._errors import Unreachable
from ..configuration.ssh_config import Settings

Address = tuple[Any, Any]                   # family and sockaddr of getaddrinfo
Dial = Callable[[str, Settings, float], Any]         # as directly(): a socket, or a channel of a gateway
FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}      # AddressFamily


def label_of(name: str, settings: Settings) -> str:
    """How messages call a host."""
    where = settings.hostname if settings.port == 22 else f"{settings.hostname}:{settings.port}"
    return name if settings.hostname in name else f"{name} ({where})"


def timed_out(label: str, settings: Settings, seconds: float) -> Unreachable:
    where = f"{settings.hostname}:{settings.port}"
    return Unreachable(f"{label}: {where} timed out: no answer within {seconds:g} s",
                       "is the host up, and does a firewall let you in? connect_timeout in hosts.yaml is in seconds")


def directly(label: str, settings: Settings, seconds: float) -> socket.socket:
    """Tries every address of the name; `seconds` is for all of them. Raises Unreachable."""
    deadline = time.monotonic() + seconds
    addresses = _resolve(label, settings, seconds)
    failures: list[OSError] = []
    for number, (family, address) in enumerate(addresses):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        link = _QuickAckSocket(family, socket.SOCK_STREAM)
        try:
            link.settimeout(left / (len(addresses) - number))
            if settings.bind_address:
                link.bind((settings.bind_address, 0))
            link.connect(address)
        except OSError as error:
            link.close()
            failures.append(error)
            continue
        _tune(link)
        return link
    raise _worst(label, settings, seconds, failures)


def _resolve(label: str, settings: Settings, seconds: float) -> list[Address]:
    """A name on a thread, because getaddrinfo has no timeout and a resolver may take half a minute."""
    answer: queue.SimpleQueue[list[Address] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(_addresses(settings))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    if _is_address(settings.hostname):
        ask()
    else:
        threading.Thread(target=ask, daemon=True, name="getaddrinfo").start()
    hint = "is it spelled right? `address:` in hosts.yaml or HostName in ~/.ssh/config says where it is"
    try:
        addresses = answer.get(timeout=seconds)
    except queue.Empty:
        raise Unreachable(f"{label}: the name {settings.hostname} could not be looked up within {seconds:g} s",
                          hint) from None
    if isinstance(addresses, list):
        return addresses
    family = "" if settings.address_family == "any" else f" (AddressFamily {settings.address_family})"
    raise Unreachable(f"{label}: the name {settings.hostname} was not found{family}", hint)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _addresses(settings: Settings) -> list[Address]:
    name = settings.hostname
    answers = socket.getaddrinfo(name.encode() if name.isascii() else name,     # for text, Python loads tables of IDNA
                                 settings.port, family=FAMILIES[settings.address_family], type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in answers]


class _QuickAckSocket(socket.socket):
    """Acknowledges at once. sshd leaves Nagle's algorithm on: it holds back a small message until the one before is
    acknowledged, and the kernel delays that by ~40 ms. The kernel resets the option, so it is set at each read."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = super().recv(size, flags)
        if data and hasattr(socket, "TCP_QUICKACK"):            # Linux
            with contextlib.suppress(OSError):
                self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


def _tune(link: socket.socket) -> None:
    """Without TCP_NODELAY every small message waits ~40 ms for an acknowledgement; paramiko leaves it off."""
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):         # macOS names the first one otherwise
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _worst(label: str, settings: Settings, seconds: float, failures: list[OSError]) -> Unreachable:
    """The failure that explains most, when a name has several addresses."""
    where = f"{settings.hostname}:{settings.port}"
    codes = {error.errno for error in failures}
    if errno.ECONNREFUSED in codes:
        return Unreachable(f"{label}: {where} refused the connection: nothing listens there",
                           "is sshd running, and is `port:` right?")
    if not failures or any(isinstance(error, TimeoutError) for error in failures):
        return timed_out(label, settings, seconds)
    if codes & {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}:
        bound = f" (BindAddress {settings.bind_address})" if settings.bind_address else ""
        return Unreachable(f"{label}: no route to {where}{bound}: {failures[-1].strerror}",
                           "is the network or the VPN up?")
    return Unreachable(f"{label}: {where} cannot be reached: {failures[-1]}", "is the network up?")
