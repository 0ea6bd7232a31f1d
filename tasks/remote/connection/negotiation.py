"""Agrees with a server on algorithms: on those of the ssh configuration that paramiko has, too."""

from __future__ import annotations

from typing import Any

from paramiko import Transport

from ..._errors import Mistake
from ..configuration.algorithms import Algorithms
from ..paramiko_private.algorithms import KnownAlgorithms, known_algorithms


def apply(algorithms: Algorithms, transport: Transport, label: str) -> None:
    """Before the key exchange. Raises Mistake where the configuration allows none that paramiko has."""
    known = known_algorithms()
    options: Any = transport.get_security_options()
    options.ciphers = _common(algorithms.ciphers, known.ciphers, "Ciphers", label)
    options.digests = _common(algorithms.macs, known.macs, "MACs", label)
    options.kex = _common(algorithms.key_exchanges, known.key_exchanges, "KexAlgorithms", label)
    options.key_types = _common(algorithms.host_keys, known.host_keys, "HostKeyAlgorithms", label)


def _common(wanted: tuple[str, ...], known: tuple[str, ...], keyword: str, label: str) -> tuple[str, ...]:
    common = tuple(name for name in wanted if name in known)
    if not common:
        raise Mistake(f"{label}: {keyword} of the ssh configuration allows only {', '.join(wanted)}",
                      f"add one that Fabvisor has: {', '.join(sorted(known))}")
    return common


def nothing_common(label: str, algorithms: Algorithms, offer: KnownAlgorithms) -> Mistake:
    """For a server that offers no algorithm of a kind that we would take."""
    known = known_algorithms()
    kinds = (("KexAlgorithms", algorithms.key_exchanges, known.key_exchanges, offer.key_exchanges),
             ("HostKeyAlgorithms", algorithms.host_keys, known.host_keys, offer.host_keys),
             ("Ciphers", algorithms.ciphers, known.ciphers, offer.ciphers),
             ("MACs", algorithms.macs, known.macs, offer.macs))
    for keyword, wanted, have, offered in kinds:
        usable = [name for name in wanted if name in have]
        if set(usable).isdisjoint(offered):
            names = [name for name in offered if not name.startswith(("ext-info-", "kex-strict-"))]
            return Mistake(f"{label}: no common way to encrypt: the server's {keyword} are {', '.join(names)}",
                           _how_to_agree(keyword, usable, [name for name in names if name in have]))
    return Mistake(f"{label}: no common way to encrypt", "bring the server up to date")


def _how_to_agree(keyword: str, usable: list[str], left_out: list[str]) -> str:
    """`left_out`: those of the server that Fabvisor has, and that the ssh configuration here does not allow."""
    if left_out:
        return f"bring the older of the two up to date; or write {keyword} +{left_out[0]} in ~/.ssh/config here"
    return (f"Fabvisor has none of these, whatever ssh has: add one to {keyword} of its sshd_config, of "
            f"{', '.join(name for name in usable if '-cert-' not in name)}")
