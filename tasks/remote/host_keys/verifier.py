"""Is this the key that we know the host by? Never accepted unless known_hosts says so."""

from __future__ import annotations

import functools
import os

from paramiko import MissingHostKeyPolicy, PKey, SSHClient, Transport

from ..._errors import HostKeyError
from ...program.quoting import for_sh
from ..configuration.ssh_config import Settings
from ..job_variable import why_missing
from . import host_certificates, known_hosts, known_hosts_command, revoked_keys
from .host_certificates import HostCertificate
from .known_hosts import Entry, KnownHosts, fingerprint


class Verifier(MissingHostKeyPolicy):
    """paramiko asks this policy about every key, since its own store stays empty.

    `label` names the host in messages; `via` is the gateway's name, "" without one.
    """

    def __init__(self, label: str, settings: Settings, known: KnownHosts, via: str = "") -> None:
        self.label = label
        self.settings = settings
        self.known = known
        self.via = via

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        shown = getattr(key, "public_blob", None)
        certificate = host_certificates.read(shown.key_type, shown.key_blob) if shown else None
        self.verify(key.asbytes(), key.get_name(), certificate)

    def verify(self, blob: bytes, key_type: str, certificate: HostCertificate | None = None) -> None:
        """Raises HostKeyError unless known_hosts has exactly this key for this host, or the authority that signed
        its certificate."""
        entries = self._entries
        if self._is_known(entries, blob, key_type, certificate):
            return
        if self.known.configured and self.settings.known_hosts_command:
            entries = (*entries, *known_hosts_command.ask(self.label, self.settings, key_type, blob))
            if self._is_known(entries, blob, key_type, certificate):
                return
        expected = [entry for entry in entries if not entry.revoked and not entry.authority
                    and entry.is_for(self.settings.lookup_name)]
        if expected:
            raise self._changed(blob, key_type, expected)
        raise self._unknown(blob, key_type, any(entry.authority for entry in entries))

    def prefer_known_types(self, transport: Transport) -> None:
        """Asks the server for a key of a type that we know, as OpenSSH does; first for a certificate where an
        authority is known."""
        asked = known_hosts_command.ask(self.label, self.settings) if self.known.configured else ()
        entries = [entry for entry in (*self._entries, *asked) if not entry.revoked]
        types = {entry.key_type for entry in entries if not entry.authority}
        if "ssh-rsa" in types:
            types |= {"rsa-sha2-512", "rsa-sha2-256"}
        certified = any(entry.authority for entry in entries)
        options = transport.get_security_options()
        options.key_types = sorted(options.key_types, key=lambda name: (
            not (certified and "-cert-v01@" in name), name not in types))

    def _is_known(self, entries: tuple[Entry, ...], blob: bytes, key_type: str,
                  certificate: HostCertificate | None) -> bool:
        """Raises HostKeyError for a revoked key, and for a certificate that does not hold."""
        self._refuse_revoked(entries, blob, key_type, certificate)
        return bool(certificate and self._is_certified(entries, certificate)) or any(
            entry.blob == blob for entry in entries if not entry.revoked and not entry.authority)

    def _refuse_revoked(self, entries: tuple[Entry, ...], blob: bytes, key_type: str,
                        certificate: HostCertificate | None) -> None:
        shown = {blob, certificate.authority} if certificate else {blob}
        place = next((entry.place for entry in entries if entry.revoked and entry.blob in shown), None)
        if place is None and revoked_keys.has(self.label, self.settings.revoked_host_keys, blob, key_type):
            place = str(self.settings.revoked_host_keys)
        if place:
            raise HostKeyError(f"{self.label}: the host key {fingerprint(blob)} ({key_type}) is revoked in {place}",
                               "do not connect; the host needs a new key: ask its administrator")

    def _is_certified(self, entries: tuple[Entry, ...], certificate: HostCertificate) -> bool:
        """Raises HostKeyError for a certificate of a known authority that does not hold."""
        authority = next((entry for entry in entries if entry.authority and entry.blob == certificate.authority), None)
        if authority is None:
            return False
        wrong = certificate.wrong((self.settings.host_key_alias or self.settings.hostname).lower())
        if wrong:
            raise HostKeyError(f"{self.label}: the host's certificate, signed by the authority in {authority.place}, "
                               f"does not hold: {wrong}", "the host needs a new certificate: ask its administrator")
        return True

    @functools.cached_property
    def _entries(self) -> tuple[Entry, ...]:
        """Also those for the bare name, as in OpenSSH (sshconnect.c, "without port identifier")."""
        bare = () if self.settings.host_key_alias or self.settings.port == 22 else \
            self.known.of(self.settings.hostname.lower())
        return (*self.known.of(self.settings.lookup_name), *bare)

    def _changed(self, blob: bytes, key_type: str, expected: list[Entry]) -> HostKeyError:
        same = [entry for entry in expected if entry.key_type == key_type] or expected
        first = same[0]
        name = self.settings.lookup_name
        file = "" if known_hosts.is_of_variable(first.source) else f" -f {first.source}"
        return HostKeyError(
            f"{self.label}: the host key has changed: expected {fingerprint(first.blob)} ({first.key_type}, "
            f"{first.place}), got {fingerprint(blob)} ({key_type}). Someone may be in between",
            f"only if the host was set up anew: ssh-keygen -R '{name}'{file}, then add its new key"
            if file else f"only if the host was set up anew: replace its line in the variable {known_hosts.VARIABLE}")

    def _unknown(self, blob: bytes, key_type: str, authority: bool) -> HostKeyError:
        where = ", ".join(self.known.sources) or "any known_hosts file"
        uncertified = "; the host showed no certificate of the authority that is" if authority else ""
        return HostKeyError(
            f"{self.label}: unknown host key {fingerprint(blob)} ({key_type}): "
            f"'{self.settings.lookup_name}' is not in {where}{uncertified}", self._how_to_add())

    def _how_to_add(self) -> str:
        settings = self.settings
        compare = ("compare the fingerprint with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host "
                   "itself")
        login = for_sh(f"{settings.user}@{settings.hostname}")
        once = f"ssh -p {settings.port} {login}"
        if settings.name != settings.hostname:
            login = for_sh(f"{settings.user}@{settings.name}")
            once = f"ssh -o HostName={for_sh(settings.hostname)} -p {settings.port} {login}"
        if self.via:
            once = once.replace("ssh", f"ssh -J {for_sh(self.via)}", 1)
            return f"connect once through the gateway: {once}; {compare}"
        scan = f"ssh-keyscan -p {settings.port} {for_sh(settings.hostname)}"
        if any(map(known_hosts.is_of_variable, self.known.sources)):
            return f"add the output of `{scan}` to the variable {known_hosts.VARIABLE}; {compare}"
        missing = why_missing(known_hosts.VARIABLE)
        if self.known.configured and missing:
            return f"{missing} It holds the output of `{scan}`; {compare}"
        if self.known.sources[:1] == (os.devnull,):
            return (f"ssh keeps no host keys here: take UserKnownHostsFile {os.devnull} out of ~/.ssh/config, or set "
                    f"{known_hosts.VARIABLE}; then {scan}; {compare}")
        return f"check and add it: {scan}, or connect once: {once}; {compare}"
