"""Ciphers, MACs, key exchanges and key types: those of OpenSSH's client, in its order.

OpenSSH's defaults or Ciphers, MACs, KexAlgorithms, HostKeyAlgorithms and PubkeyAcceptedAlgorithms of the user.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

# Of OpenSSH 9.2, where no ssh is installed that could be asked.
KEYS = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"
DEFAULTS = {
    "ciphers": "aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    "macs": "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1",
    "kexalgorithms": "mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,"
                     "ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,"
                     "diffie-hellman-group14-sha256",
    "hostkeyalgorithms": KEYS,
    "pubkeyacceptedalgorithms": ",".join(
        [f"{name}-cert-v01@openssh.com" for name in KEYS.split(",")]
        + [KEYS, "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"]),
}
# The names of before OpenSSH 8.5.
OLD_NAMES = {"pubkeyacceptedalgorithms": "pubkeyacceptedkeytypes"}


class Algorithms(Struct, frozen=True):
    """In the order of preference; names that paramiko does not know are among them."""

    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    key_exchanges: tuple[str, ...]
    host_keys: tuple[str, ...]
    public_keys: tuple[str, ...]


def algorithms_of(options: Mapping[str, list[str]]) -> Algorithms:
    """`options`: as `ssh -G` prints them."""
    return Algorithms(*(_names(options, keyword) for keyword in DEFAULTS))


def _names(options: Mapping[str, list[str]], keyword: str) -> tuple[str, ...]:
    """A list that begins with +, - or ^ changes the default; `ssh -G` has done so already."""
    text = (options.get(keyword) or options.get(OLD_NAMES.get(keyword, "")) or [""])[0]
    default = DEFAULTS[keyword].split(",")
    names = text.lstrip("+-^").split(",") if text else default
    if text.startswith("+"):
        names = [*default, *names]
    elif text.startswith("^"):
        names = [*names, *default]
    elif text.startswith("-"):
        names = [name for name in default if name not in names]
    return tuple(dict.fromkeys(names))


OPENSSH = algorithms_of({})
