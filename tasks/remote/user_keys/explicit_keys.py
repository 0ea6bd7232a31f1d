"""The keys that a user names for the tool alone: SSH_PRIVATE_KEY, and identity_file of hosts.yaml."""

from __future__ import annotations

import os
from pathlib import Path

from paramiko import AgentKey

from ..._errors import LoginError
from ...inventory.model import Host
from ...program.quoting import for_sh
from ..configuration.ssh_tokens import begins_as_path, from_home
from .key_files import LockedKey, UnusableKey, load_file, load_text, public_blob
from .key_offers import Offer, has_half, held_by

VARIABLE = "SSH_PRIVATE_KEY"


def explicit_keys(host: Host, agent: tuple[AgentKey, ...]) -> list[Offer]:
    """In their order. Raises LoginError for one that cannot be used; a file that is not there is none."""
    offers = []
    if _value(host):
        offers.append(_from_variable(_value(host)))
    if host.identity_file is not None:
        path = from_home(host.identity_file)
        if has_half(path):
            offers.append(_from_file(path, agent))
    return offers


def named_files(host: Host) -> list[Path]:
    """Where they are said to be. They may not exist."""
    value = _value(host)
    named = [value] if _is_path(value) else []
    return [from_home(path) for path in (*named, *([host.identity_file] if host.identity_file else []))]


def is_text(host: Host) -> bool:
    """The variable holds a key itself, not the path of one."""
    return bool(_value(host)) and not _is_path(_value(host))


def _value(host: Host) -> str:
    """Empty for a host of the sandbox, which has both keys of its own: the variable is for the user's hosts."""
    return "" if host.known_hosts and host.identity_file else os.environ.get(VARIABLE, "").strip()


def _is_path(value: str) -> bool:
    """A word alone is none: it may be a secret, and a path is shown."""
    return begins_as_path(value) or os.path.isfile(value)


def _from_variable(value: str) -> Offer:
    """The value may be a secret: it is never part of a message unless it is a file's path."""
    try:
        if "-----BEGIN" in value or "PuTTY-User-Key-File" in value:
            return Offer(load_text(value), VARIABLE)
        if not _is_path(value):
            raise LoginError(f"{VARIABLE} holds neither a private key nor the path of one",
                             "a key begins with -----BEGIN and ends with -----END …-----, line breaks included")
        path = from_home(value)
        if not path.is_file():
            raise LoginError(f"{VARIABLE}: there is no file {path}", "give a private key's path or its text")
        return Offer(load_file(path), f"{VARIABLE} ({path})")
    except LockedKey:
        where = f"{VARIABLE} ({value})" if _is_path(value) else VARIABLE
        raise LoginError(f"{where}: the key has a passphrase, which nobody can type here",
                         f"use a key without one, or load it with ssh-add and leave {VARIABLE} unset") from None
    except UnusableKey as error:
        raise LoginError(f"{VARIABLE}: {error}", "see whether all of its lines arrived: -----BEGIN to -----END"
                         ) from None


def _from_file(path: Path, agent: tuple[AgentKey, ...]) -> Offer:
    held = held_by(agent, path)
    try:
        return Offer(load_file(path), str(path))
    except LockedKey:
        if held is None:
            raise LoginError(f"{path}: the key has a passphrase, and no agent has it open",
                             f"ssh-add {for_sh(str(path))}") from None
    except UnusableKey as error:
        if held is None:
            agent_too = ", and no agent has its private half" if public_blob(path) else ""
            raise LoginError(f"{path}: {error}{agent_too}", "see identity_file in hosts.yaml") from None
    return Offer(held, f"{path} (agent)")
