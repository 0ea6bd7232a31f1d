"""RevokedHostKeys of the ssh configuration: a list of public keys, or a KRL, which ssh-keygen reads."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path

from ..._errors import HostKeyError

KRL_BEGINS = b"SSHKRL\n\0"                  # PROTOCOL.krl


def has(label: str, path: Path | None, blob: bytes, key_type: str) -> bool:
    """Whether the file revokes this key. As for ssh, a file that cannot be read revokes all: raises HostKeyError."""
    if path is None:
        return False
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(label, path, error.strerror or "") from None
    public = base64.b64encode(blob)
    if not content.startswith(KRL_BEGINS):
        return public in content.split()
    return _is_in_krl(label, path, f"{key_type} {public.decode()}\n")


def _is_in_krl(label: str, path: Path, public: str) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
        file.write(public)
        file.flush()
        try:
            done = subprocess.run(["ssh-keygen", "-Q", "-f", str(path), file.name], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False)
        except OSError as error:
            raise _unreadable(label, path, f"ssh-keygen: {error.strerror}") from None
    if done.returncode and "REVOKED" not in done.stdout:
        raise _unreadable(label, path, done.stderr.strip())
    return bool(done.returncode)


def _unreadable(label: str, path: Path, why: str) -> HostKeyError:
    return HostKeyError(f"{label}: RevokedHostKeys {path} cannot be read: {why}",
                        "see RevokedHostKeys in ~/.ssh/config")
