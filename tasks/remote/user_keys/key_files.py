"""Private key files: OpenSSH's format, PEM and PKCS#8, with other text in front, CRLF, and any file mode."""

from __future__ import annotations

import base64
import binascii
import os
import re
from io import StringIO
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey, SSHException

MAGIC = b"openssh-key-v1\0"
BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\n.*?\n-----END \1-----", re.DOTALL)
PUBLIC = ("ssh-", "ecdsa-", "sk-")
CURVES = ("secp256r1", "secp384r1", "secp521r1")


class LockedKey(Exception):
    """The key has a passphrase."""


class UnusableKey(Exception):
    """Not a private key that paramiko can use; the text says why and has nothing of the key."""


def load_file(path: Path) -> PKey:
    """Raises LockedKey or UnusableKey."""
    if not os.path.exists(path) and os.path.exists(f"{path}.pub"):
        raise UnusableKey("only its public half is here")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnusableKey(f"cannot be read: {error.strerror}") from None
    return load_text(text)


def load_text(text: str) -> PKey:
    """The first private key in the text. Raises LockedKey or UnusableKey."""
    text = "\n".join(line.strip() for line in text.strip().splitlines())
    if "PuTTY-User-Key-File" in text:
        raise UnusableKey("a PuTTY key; export it as an OpenSSH key with puttygen")
    if "PRIVATE KEY-----" not in text:
        raise UnusableKey(f"this is {'a public key' if text.startswith(PUBLIC) else 'no private key'}")
    block = BLOCK.search(text)
    if block is None:
        raise UnusableKey("cannot be read: its end is missing")
    load = load_ssh_private_key if "OPENSSH" in block[1] else load_pem_private_key
    try:
        # As ssh does. To prove an RSA key of 4096 bits sound takes 0.2 s; OpenSSL checks each signature anyway.
        return _to_paramiko(load(f"{block[0]}\n".encode(), password=None, unsafe_skip_rsa_key_validation=True))
    except TypeError:                       # it takes a password, and none was given
        raise LockedKey from None
    except (ValueError, UnsupportedAlgorithm, SSHException, binascii.Error):
        if _is_of_token(block[0]):
            raise UnusableKey("its security token signs only by way of an agent: ssh-add") from None
        raise UnusableKey("cannot be read as an Ed25519, ECDSA or RSA private key") from None


def _is_of_token(block: str) -> bool:
    try:
        return _public_of(block)[4:].startswith(b"sk-")
    except (ValueError, IndexError):
        return False


def _to_paramiko(key: Any) -> PKey:
    if isinstance(key, RSAPrivateKey):
        return RSAKey(key=key)
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return ECDSAKey(vals=(key, key.public_key()))
    if hasattr(key, "private_bytes_raw"):
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        return Ed25519Key.from_private_key(StringIO(text.decode()))
    raise ValueError


def public_blob(path: Path) -> bytes | None:
    """The public half, without any passphrase: PATH itself, PATH.pub, or the clear part of an OpenSSH private key."""
    for read in (_from_public_file, lambda path: _from_public_file(Path(f"{path}.pub")), _from_private_file):
        try:
            return read(path)
        except (OSError, ValueError, IndexError, binascii.Error):
            continue
    return None


def _from_public_file(path: Path) -> bytes:
    words = path.read_text(encoding="utf-8").split()
    if not words[0].startswith(PUBLIC):
        raise ValueError
    return base64.b64decode(words[1])


def _from_private_file(path: Path) -> bytes:
    return _public_of(path.read_text(encoding="utf-8"))


def _public_of(text: str) -> bytes:
    lines = text.split("\n")
    body = base64.b64decode("".join(line.strip() for line in lines if not line.startswith("-----")))
    if not body.startswith(MAGIC):
        raise ValueError
    at = len(MAGIC)
    for _ in ("cipher", "kdf", "kdf options"):
        at += 4 + int.from_bytes(body[at:at + 4], "big")
    at += 4                                 # the number of keys
    return body[at + 4:at + 4 + int.from_bytes(body[at:at + 4], "big")]
