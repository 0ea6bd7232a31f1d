"""Private key files: OpenSSH's format and PEM; CRLF, a missing last newline and any file mode are fine."""

from __future__ import annotations

import base64
import binascii
import contextlib
from io import StringIO
from pathlib import Path

from paramiko import ECDSAKey, Ed25519Key, PasswordRequiredException, PKey, RSAKey, SSHException

from .once import once

_MAGIC = b"openssh-key-v1\0"


class LockedKey(Exception):
    """The key has a passphrase."""


class UnusableKey(Exception):
    """Not a private key that paramiko can use; the text says why and has nothing of the key."""


def load_file(path: Path) -> PKey:
    """With its certificate, when PATH-cert.pub lies beside it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnusableKey(f"cannot be read: {error.strerror}") from None
    certificate = Path(f"{path}-cert.pub")
    try:
        return _load(text, certificate.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return load_text(text)


def load_text(text: str) -> PKey:
    return _load(text, "")


@once                                       # OpenSSL needs 0.2 s to see that an RSA key of 4096 bits is sound
def _load(text: str, certificate: str) -> PKey:
    key = _parse(text)
    if certificate:
        with contextlib.suppress(SSHException, ValueError):         # the key alone may do
            key.load_certificate(certificate)
    return key


def _parse(text: str) -> PKey:
    lines = [line.strip() for line in text.strip().splitlines()]
    text = "\n".join(lines) + "\n"
    if "PuTTY-User-Key-File" in text:
        raise UnusableKey("a PuTTY key; export it as an OpenSSH key with puttygen")
    if "PRIVATE KEY-----" not in text:
        kind = "a public key" if text.startswith(("ssh-", "ecdsa-", "sk-")) else "no private key"
        raise UnusableKey(f"this is {kind}")
    for key_class in (Ed25519Key, ECDSAKey, RSAKey):
        try:
            key: PKey = key_class.from_private_key(StringIO(text))
            return key
        except PasswordRequiredException:
            raise LockedKey from None
        except Exception:                   # paramiko lets all sorts of its parsers' errors through
            continue
    raise UnusableKey("cannot be read as an Ed25519, ECDSA or RSA private key")


def public_blob(path: Path) -> bytes | None:
    """The public half, without any passphrase: from PATH.pub, or from an OpenSSH private key's clear part."""
    for read in (_from_public_file, _from_private_file):
        try:
            return read(path)
        except (OSError, ValueError, IndexError, binascii.Error):
            continue
    return None


def _from_public_file(path: Path) -> bytes:
    return base64.b64decode(Path(f"{path}.pub").read_text(encoding="utf-8").split()[1])


def _from_private_file(path: Path) -> bytes:
    lines = path.read_text(encoding="utf-8").split("\n")
    body = base64.b64decode("".join(line.strip() for line in lines if not line.startswith("-----")))
    if not body.startswith(_MAGIC):
        raise ValueError
    at = len(_MAGIC)
    for _ in ("cipher", "kdf", "kdf options"):
        at += 4 + int.from_bytes(body[at:at + 4], "big")
    at += 4                                 # the number of keys
    return body[at + 4:at + 4 + int.from_bytes(body[at:at + 4], "big")]
