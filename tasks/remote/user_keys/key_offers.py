"""The private keys that can be offered to a server: of files, of the environment and of an agent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from msgspec import Struct
from paramiko import AgentKey, PKey

from .key_files import public_blob


class Offer(Struct, frozen=True):
    key: PKey
    label: str                              # a path, SSH_PRIVATE_KEY, or "agent: comment"

    @property
    def algorithms(self) -> set[str]:
        """With which it can sign, in the words of PubkeyAcceptedAlgorithms."""
        blob = getattr(self.key, "public_blob", None)
        name = blob.key_type if blob else self.key.get_name()
        if name.startswith("ssh-rsa"):
            return {name.replace("ssh-rsa", algorithm) for algorithm in ("rsa-sha2-512", "rsa-sha2-256")}
        return {name}


class Keys(Struct, frozen=True):
    """The keys to offer, and those that cannot be offered, with the reason."""

    offers: tuple[Offer, ...]
    locked: tuple[Path, ...] = ()           # need a passphrase, and no agent has them
    unusable: tuple[str, ...] = ()          # "path: why"


def has_half(path: Path) -> bool:
    """The private or the public half is there: of a key in an agent or on a token, the public one alone."""
    return _is_there(path) or os.path.isfile(f"{path}.pub")


def _is_there(path: Path) -> bool:
    """Also where it cannot be looked at, as in a closed folder: then it must be named."""
    try:
        path.stat()
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR)
    return True


def held_by(agent: tuple[AgentKey, ...], path: Path) -> AgentKey | None:
    blob = public_blob(path) if agent else None
    return next((key for key in agent if key.asbytes() == blob), None)
