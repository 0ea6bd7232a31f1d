"""Certificates of hosts: signed by a certificate authority that known_hosts names with @cert-authority."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)
from msgspec import Struct

from .known_hosts import matches

RSA_SIGNATURES = (b"rsa-sha2-256", b"rsa-sha2-512")         # the third, ssh-rsa, is by SHA-1


class HostCertificate(Struct, frozen=True):
    """`authority`: the public key that signed it, in SSH's wire format. The signature is verified."""

    certificate: SSHCertificate
    authority: bytes

    def wrong(self, name: str) -> str:
        """Why it does not hold for a host of that name now; "" when it does (PROTOCOL.certkeys)."""
        certificate, now = self.certificate, time.time()
        if certificate.type is not SSHCertificateType.HOST:
            return "it is a user's certificate"
        if certificate.valid_after > now or certificate.valid_before <= now:
            return f"it is valid from {_utc(certificate.valid_after)} to {_utc(certificate.valid_before)}"
        if certificate.critical_options:
            return f"it has the critical option {next(iter(certificate.critical_options)).decode(errors='replace')}"
        principals = [principal.decode(errors="replace") for principal in certificate.valid_principals]
        if not _named(principals, name):
            return f"it is for {', '.join(principals) or 'no host'}, not for {name}"
        return ""


def read(key_type: str, blob: bytes) -> HostCertificate | None:
    """None when the key has no certificate, or its signature is not valid."""
    try:
        certificate = load_ssh_public_identity(f"{key_type} {base64.b64encode(blob).decode()}".encode())
        if not isinstance(certificate, SSHCertificate):
            return None
        certificate.verify_cert_signature()
        key = certificate.signature_key()
        if isinstance(key, RSAPublicKey) and not blob[:-4 - key.key_size // 8].endswith(RSA_SIGNATURES):
            return None
        authority = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return None
    return HostCertificate(certificate, base64.b64decode(authority.split()[1]))


def _named(principals: Iterable[str], name: str) -> bool:
    """ssh takes patterns here, as in known_hosts."""
    return any(matches(principal, name) for principal in principals)


def _utc(seconds: int) -> str:
    return "ever" if seconds >= 1 << 63 else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
