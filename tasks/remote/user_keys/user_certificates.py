"""Certificates of users: CertificateFile of the ssh configuration, and PATH-cert.pub beside a key."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)
from msgspec import Struct
from paramiko.pkey import PublicBlob


class UserCertificate(Struct, frozen=True):
    """`public`: the key that it is for, in SSH's wire format; `label`: its path, and whether it has expired."""

    label: str
    public: bytes
    blob: PublicBlob


def load(paths: Iterable[Path]) -> tuple[UserCertificate, ...]:
    """Those that can be read; as for ssh, a file that is not there is no mistake."""
    certificates = (_load(path) for path in dict.fromkeys(paths))
    return tuple(certificate for certificate in certificates if certificate is not None)


def _load(path: Path) -> UserCertificate | None:
    try:
        text = path.read_text(encoding="utf-8")
        certificate = load_ssh_public_identity(" ".join(text.split()[:2]).encode())
        if not isinstance(certificate, SSHCertificate):
            return None
        public = certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        blob = PublicBlob.from_string(text)
    except (OSError, ValueError, UnsupportedAlgorithm):
        return None
    expired = " (expired)" if certificate.valid_before < time.time() else ""
    return UserCertificate(f"{path}{expired}", base64.b64decode(public.split()[1]), blob)
