"""Is this the key that we know the host by? Never accepted unless known_hosts says so."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from paramiko import MissingHostKeyPolicy, PKey, SSHClient, Transport

from .._errors import HostKeyError
from . import known_hosts
from .known_hosts import Entry, KnownHosts, fingerprint
from .ssh_config import Settings


@dataclass(frozen=True)
class Verifier(MissingHostKeyPolicy):
    """paramiko asks this policy about every key, since its own store stays empty.

    `label` names the host in messages; `via` is the gateway's name, "" without one.
    """

    label: str
    settings: Settings
    known: KnownHosts
    via: str = ""

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        self.verify(key.asbytes(), key.get_name())

    def verify(self, blob: bytes, key_type: str) -> None:
        """Raises HostKeyError unless known_hosts has exactly this key for this host."""
        entries = [*self._entries, *self._entries_without_port]
        for entry in entries:
            if entry.revoked and entry.blob == blob:
                raise HostKeyError(
                    f"{self.label}: the host key {fingerprint(blob)} ({key_type}) is revoked in {entry.place}",
                    "do not connect; the host needs a new key: ask its administrator")
        if any(entry.blob == blob for entry in entries if not entry.revoked):
            return
        expected = [entry for entry in self._entries if not entry.revoked]
        if expected:
            raise self._changed(blob, key_type, expected)
        raise self._unknown(blob, key_type)

    def prefer_known_types(self, transport: Transport) -> None:
        """Asks the server for a key of a type that we know, as OpenSSH does."""
        types = {entry.key_type for entry in (*self._entries, *self._entries_without_port)
                 if not entry.revoked}
        if "ssh-rsa" in types:
            types |= {"rsa-sha2-512", "rsa-sha2-256"}
        options = transport.get_security_options()
        options.key_types = sorted(options.key_types, key=lambda name: name not in types)

    @functools.cached_property
    def _entries(self) -> tuple[Entry, ...]:
        return self.known.of(self.settings.lookup_name)

    @functools.cached_property
    def _entries_without_port(self) -> tuple[Entry, ...]:
        """OpenSSH takes a key that is known for the bare name too (sshconnect.c, "without port identifier")."""
        if self.settings.host_key_alias or self.settings.port == 22:
            return ()
        return self.known.of(self.settings.hostname.lower())

    def _changed(self, blob: bytes, key_type: str, expected: list[Entry]) -> HostKeyError:
        same = [entry for entry in expected if entry.key_type == key_type] or expected
        first = same[0]
        name = self.settings.lookup_name
        file = "" if first.source == known_hosts.VARIABLE else f" -f {first.source}"
        return HostKeyError(
            f"{self.label}: the host key has changed: expected {fingerprint(first.blob)} ({first.key_type}, "
            f"{first.place}), got {fingerprint(blob)} ({key_type}). Someone may be in between",
            f"only if the host was set up anew: ssh-keygen -R '{name}'{file}, then add its new key"
            if file else f"only if the host was set up anew: replace its line in the variable {first.source}")

    def _unknown(self, blob: bytes, key_type: str) -> HostKeyError:
        where = ", ".join(self.known.sources) or "any known_hosts file"
        return HostKeyError(
            f"{self.label}: unknown host key {fingerprint(blob)} ({key_type}): "
            f"'{self.settings.lookup_name}' is not in {where}", self._how_to_add())

    def _how_to_add(self) -> str:
        settings = self.settings
        compare = ("compare the fingerprint with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host "
                   "itself")
        once = f"ssh -p {settings.port} {settings.user}@{settings.hostname}"
        if settings.name != settings.hostname:
            once = f"ssh -o HostName={settings.hostname} -p {settings.port} {settings.user}@{settings.name}"
        if self.via:
            return f"connect once through the gateway: {once.replace('ssh', f'ssh -J {self.via}', 1)}; {compare}"
        scan = f"ssh-keyscan -p {settings.port} {settings.hostname}"
        if os.environ.get(known_hosts.VARIABLE, "").strip() and known_hosts.VARIABLE in self.known.sources:
            return f"add the output of `{scan}` to the variable {known_hosts.VARIABLE}; {compare}"
        return f"check and add it: {scan}, or connect once: {once}; {compare}"
