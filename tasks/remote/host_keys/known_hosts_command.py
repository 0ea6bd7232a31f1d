"""KnownHostsCommand of the ssh configuration: a program that prints lines of a known_hosts file."""

from __future__ import annotations

import base64
import shlex
import subprocess

from ..._errors import HostKeyError
from ..configuration.ssh_config import Settings
from ..configuration.ssh_tokens import expand
from .known_hosts import Entry, fingerprint, parse

LONGEST = 30.0                              # seconds
SOURCE = "KnownHostsCommand"


def ask(label: str, settings: Settings, key_type: str = "NONE", blob: bytes = b"") -> tuple[Entry, ...]:
    """Its entries for a host, and for the key that the host has shown. Raises HostKeyError when it fails."""
    if settings.known_hosts_command is None:
        return ()
    tokens = {
        **settings.tokens, "H": settings.lookup_name, "I": "HOSTNAME" if blob else "ORDER", "t": key_type,
        "f": fingerprint(blob) if blob else "NONE", "K": base64.b64encode(blob).decode() if blob else "NONE"}
    command = [expand(word, tokens, paths=False) for word in shlex.split(settings.known_hosts_command)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST, check=False,
                              encoding="utf-8", errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostKeyError(f"{label}: {SOURCE}: {error}", "see ~/.ssh/config") from None
    if done.returncode:
        said = ": ".join(filter(None, [f"exit status {done.returncode}", done.stderr.strip()[-500:]]))
        raise HostKeyError(f"{label}: {SOURCE}: {said}", "see ~/.ssh/config")
    return parse(done.stdout, SOURCE)
