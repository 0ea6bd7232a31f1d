"""Reads USER@HOST:PORT, as it is typed. An IPv6 address stands in brackets where a port is behind it."""

from __future__ import annotations

import re

from .._errors import SelectionError
from ..inventory.model import Host
from ..inventory.rules import addresses, values

LOGIN = re.compile(r"(?:(?P<user>[^@/]+)@)?(?:\[(?P<v6>[^]]*:[^]]*)\]|(?P<name>[^:@]+))(?::(?P<port>[0-9]{1,5}))?")
BARE_IPV6 = re.compile(r"((?:[^@/]+@)?)([0-9a-fA-F:.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*)")


def hosts(typed: str) -> tuple[Host, ...]:
    """The hosts of a comma list, in the order of their names. Raises SelectionError."""
    hosts = [_host(word.strip()) for word in typed.split(",") if word.strip()]
    if not hosts:
        raise SelectionError("no host was named", "fab adopt USER@HOST")
    twice = {host.name for host in hosts if sum(other.name == host.name for other in hosts) > 1}
    named = {f"{_plain(host.name)}-{host.port}" if host.name in twice and host.port else host.name: host
             for host in hosts}
    if len(named) < len(hosts):
        raise SelectionError(f"{', '.join(sorted(twice))} is named twice", "name each host once")
    return tuple(Host(name=name, address=host.address if name != host.name else None, user=host.user, port=host.port,
                      root="~") for name, host in sorted(named.items()))


def _plain(name: str) -> str:
    """With letters that any name may have, also of an IPv6 address."""
    return re.sub(":+", "-", name).strip("-")


def _host(word: str) -> Host:
    match = LOGIN.fullmatch(BARE_IPV6.sub(r"\1[\2]", word) if BARE_IPV6.fullmatch(word) else word)
    address = match["v6"] or match["name"] if match else ""
    wrong = "is not USER@HOST or USER@HOST:PORT" if match is None else (
        addresses.check_host_name(address) or values.check_word(match["user"] or "x"))
    if match is None or wrong:
        raise SelectionError(f"{word!r}: {wrong}", "fab adopt deploy@web1.example.com")
    port = int(match["port"]) if match["port"] else None
    if port is not None and (wrong := values.check_port(port)):
        raise SelectionError(f"{word!r}: {wrong}", "the port of its SSH server")
    return Host(name=address, address=address, user=match["user"], port=port, root="~")
