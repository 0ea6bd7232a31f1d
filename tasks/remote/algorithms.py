"""Ciphers, MACs, key exchanges and key types: those of OpenSSH's client, in its order, as far as paramiko has them.

OpenSSH's defaults or Ciphers, MACs, KexAlgorithms, HostKeyAlgorithms and PubkeyAcceptedAlgorithms of the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from paramiko import Transport

from .._errors import Mistake
from .paramiko_private import KnownAlgorithms, known_algorithms

# Of OpenSSH 9.2, where no ssh is installed that could be asked.
_KEYS = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"
_DEFAULTS = {
    "ciphers": "aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    "macs": "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1",
    "kexalgorithms": "mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,"
                     "ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,"
                     "diffie-hellman-group14-sha256",
    "hostkeyalgorithms": _KEYS,
    "pubkeyacceptedalgorithms": ",".join(
        [f"{name}-cert-v01@openssh.com" for name in _KEYS.split(",")]
        + [_KEYS, "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"]),
}
# The names of before OpenSSH 8.5.
_OLD_NAMES = {"pubkeyacceptedalgorithms": "pubkeyacceptedkeytypes"}


class Algorithms(Struct, frozen=True):
    """In the order of preference; names that paramiko does not know are among them."""

    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    key_exchanges: tuple[str, ...]
    host_keys: tuple[str, ...]
    public_keys: tuple[str, ...]


def algorithms_of(options: Mapping[str, list[str]]) -> Algorithms:
    """`options`: as `ssh -G` prints them."""
    return Algorithms(*(_names(options, keyword) for keyword in _DEFAULTS))


def _names(options: Mapping[str, list[str]], keyword: str) -> tuple[str, ...]:
    """A list that begins with +, - or ^ changes the default; `ssh -G` has done so already."""
    text = (options.get(keyword) or options.get(_OLD_NAMES.get(keyword, "")) or [""])[0]
    default = _DEFAULTS[keyword].split(",")
    names = text.lstrip("+-^").split(",") if text else default
    if text.startswith("+"):
        names = [*default, *names]
    elif text.startswith("^"):
        names = [*names, *default]
    elif text.startswith("-"):
        names = [name for name in default if name not in names]
    return tuple(dict.fromkeys(names))


OPENSSH = algorithms_of({})


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
