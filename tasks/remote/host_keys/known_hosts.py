"""Reads known_hosts files as OpenSSH does: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Never writes to them.

paramiko's reader rejects a whole file for one @revoked line, and knows no wildcards.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ..._errors import HostKeyError
from ...inventory.model import Host
from ..configuration.patterns import glob_matches
from ..configuration.ssh_config import Settings
from ..configuration.ssh_tokens import begins_as_path, from_home
from ..once import once

VARIABLE = "SSH_KNOWN_HOSTS"
KEY_TYPE = re.compile(r"(ssh-|ecdsa-|sk-)\S+")


class Entry(Struct, frozen=True):
    """One line: `patterns` is its comma list or one hashed name; `blob` the key in SSH's wire format.

    `authority`: the key is not a host's; it signs the certificates of hosts.
    """

    source: str
    line: int
    patterns: str
    key_type: str
    blob: bytes
    revoked: bool = False
    authority: bool = False

    def is_for(self, name: str) -> bool:
        return matches(self.patterns, name)

    @property
    def place(self) -> str:
        return f"{self.source}:{self.line}"


class KnownHosts(Struct, frozen=True):
    """All entries, and the files to name when a key is missing from them. `configured`: they are those of the ssh
    configuration, whose KnownHostsCommand counts, too."""

    entries: tuple[Entry, ...]
    sources: tuple[str, ...]
    configured: bool = False

    def of(self, name: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.is_for(name))


def fingerprint(blob: bytes) -> str:
    """As `ssh-keygen -l` prints it: SHA256: and base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def load(host: Host, settings: Settings) -> KnownHosts:
    """Host.known_hosts alone, else SSH_KNOWN_HOSTS alone, else the files of the ssh configuration.

    Raises HostKeyError when one of the first two is set and cannot be read.
    """
    if not is_named(host):
        return replace(_from_files(settings.known_hosts_files), configured=True)
    if is_text(host):
        return KnownHosts(parse(_value(), VARIABLE), (VARIABLE,))
    required = VARIABLE if host.known_hosts is None else f"{host.name}: known_hosts"
    return _from_files(files(host, settings), required)


def is_named(host: Host) -> bool:
    """hosts.yaml or the variable says what is known; then the ssh configuration does not count."""
    return host.known_hosts is not None or bool(_value())


def is_text(host: Host) -> bool:
    """The variable says what is known, and holds the lines themselves, not the path of a file."""
    return host.known_hosts is None and bool(_value()) and not _is_path(_value())


def is_of_variable(source: str) -> bool:
    """It is the variable itself; or the file that GitLab makes for a variable of type File, which has its name."""
    return os.path.basename(source) == VARIABLE


def files(host: Host, settings: Settings) -> tuple[Path, ...]:
    """Those that load() reads."""
    if host.known_hosts is not None:
        return (from_home(host.known_hosts),)
    return (from_home(_value()),) if _value() and _is_path(_value()) else settings.known_hosts_files


def _value() -> str:
    return os.environ.get(VARIABLE, "").strip()


def _is_path(value: str) -> bool:
    """A line has several words, and its first is a host's name."""
    return begins_as_path(value) or not re.search(r"\s", value) or os.path.isfile(value)


def _from_files(paths: Iterable[Path], required: str = "") -> KnownHosts:
    entries: list[Entry] = []
    for path in paths:
        try:
            entries += parse(path.read_text(encoding="utf-8", errors="replace"), str(path))
        except OSError as error:
            if required:
                raise HostKeyError(f"{required}: {path} cannot be read: {error.strerror}",
                                   "give a known_hosts file's path or its text") from None
    return KnownHosts(tuple(entries), tuple(map(str, paths)))


@once
def parse(text: str, source: str) -> tuple[Entry, ...]:
    """Lines that are no key are skipped; so is the mark that editors of Windows put in front of a text."""
    entries = (_entry(line, source, number) for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1))
    return tuple(entry for entry in entries if entry is not None)


def _entry(line: str, source: str, number: int) -> Entry | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if marker not in ("", "@revoked", "@cert-authority") or len(words) < 3 or not KEY_TYPE.fullmatch(words[1]):
        return None
    try:
        blob = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    length = int.from_bytes(blob[:4], "big")
    if blob[4:4 + length] != words[1].encode():     # a key that says another type than its line
        return None
    return Entry(source, number, words[0], words[1], blob, revoked=marker == "@revoked",
                 authority=marker == "@cert-authority")


def matches(patterns: str, name: str) -> bool:
    """A negated pattern that matches wins over all others, wherever it stands."""
    if patterns.startswith("|"):
        return _hashed(patterns, name)
    matched = False
    for pattern in patterns.lower().split(","):
        if glob_matches(pattern.removeprefix("!"), name.lower()):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


def _hashed(text: str, name: str) -> bool:
    try:
        _, version, salt, digest = text.split("|")
        expected = hmac.digest(base64.b64decode(salt), name.lower().encode(), "sha1")
        return version == "1" and hmac.compare_digest(expected, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False
