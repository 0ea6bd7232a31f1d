"""The algorithms that paramiko has, and those that a server offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from paramiko import Message, Transport

from .client_transport import ClientTransport


class KnownAlgorithms(NamedTuple):
    """The algorithms that paramiko has, by the kinds of ssh_config(5)."""

    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    key_exchanges: tuple[str, ...]
    host_keys: tuple[str, ...]


def known_algorithms() -> KnownAlgorithms:
    """More than paramiko offers by default: OpenSSH's client does without the old ones, too."""
    every: Any = ClientTransport
    return KnownAlgorithms(tuple(every._cipher_info), tuple(every._mac_info), tuple(every._kex_info),
                           tuple(every._key_info))


def without_public_keys(accepted: tuple[str, ...]) -> dict[str, list[str]]:
    """Transport's `disabled_algorithms`, so that an RSA key signs with an accepted hash only."""
    every: Any = Transport
    return {"pubkeys": [name for name in every._preferred_pubkeys
                        if name not in accepted and f"{name}-cert-v01@openssh.com" not in accepted]}


def on_offer(transport: ClientTransport, hear: Callable[[KnownAlgorithms], None]) -> None:
    """Calls hear() with the algorithms that the server offers, at each key exchange."""
    parse: Any = transport._really_parse_kex_init  # type: ignore[attr-defined]

    def really_parse_kex_init(message: Message, **options: Any) -> dict[str, list[str]]:
        lists: dict[str, list[str]] = parse(message, **options)
        hear(KnownAlgorithms(*(tuple(lists[f"{kind}_algo_list"]) for kind in (
            "server_encrypt", "server_mac", "kex", "server_key"))))
        return lists

    transport._really_parse_kex_init = really_parse_kex_init  # type: ignore[attr-defined]


def on_banner_line(transport: Transport, hear: Callable[[str], None]) -> None:
    """Calls hear(line) for each line that the server sends up to its SSH banner."""
    read = transport.packetizer.readline

    def readline(timeout: float) -> str:
        line = read(timeout)
        hear(line)
        return line

    transport.packetizer.readline = readline  # type: ignore[method-assign]
