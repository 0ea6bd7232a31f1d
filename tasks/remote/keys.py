"""Which private keys are offered to a host, and in which order.

SSH_PRIVATE_KEY and hosts.yaml's identity_file alone when there is one; otherwise as ssh(1): the agent's keys
(those that the configuration names first), then the IdentityFiles that exist.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paramiko import AgentKey, PKey

from .._errors import LoginError
from ..inventory.model import Host
from .agent import agent_keys
from .key_files import LockedKey, UnusableKey, load_file, load_text, public_blob
from .ssh_config import Settings
from .ssh_tokens import from_home

VARIABLE = "SSH_PRIVATE_KEY"


@dataclass(frozen=True)
class Offer:
    key: PKey
    label: str                              # a path, SSH_PRIVATE_KEY, or "agent: comment"


@dataclass(frozen=True)
class Keys:
    """The keys to offer, and those that cannot be offered, with the reason."""

    offers: tuple[Offer, ...]
    locked: tuple[Path, ...] = ()           # need a passphrase, and no agent has them
    unusable: tuple[str, ...] = ()          # "path: why"


@contextmanager
def keys_for(host: Host, settings: Settings) -> Iterator[Keys]:
    """Raises LoginError for an explicit key that cannot be used. The agent is open inside the block only."""
    with agent_keys(settings.identity_agent) as agent:
        explicit = _explicit(host, agent)
        yield Keys(tuple(explicit)) if explicit else _configured(settings, agent)


def _explicit(host: Host, agent: tuple[AgentKey, ...]) -> list[Offer]:
    offers = []
    if os.environ.get(VARIABLE, "").strip():
        offers.append(_from_variable(os.environ[VARIABLE].strip()))
    if host.identity_file is not None:
        path = from_home(host.identity_file)
        if path.is_file():
            offers.append(_from_file(path, agent))
    return offers


def _from_variable(value: str) -> Offer:
    """The value may be a secret: it is never part of a message unless it is a file's path."""
    try:
        if "-----BEGIN" in value or "PuTTY-User-Key-File" in value:
            return Offer(load_text(value), VARIABLE)
        if "\n" in value or (not value.startswith(("/", "~/", "./")) and not os.path.isfile(value)):
            raise LoginError(f"{VARIABLE} holds neither a private key nor the path of one",
                             "a key begins with -----BEGIN and ends with -----END …-----, line breaks included")
        path = from_home(value)
        if not path.is_file():
            raise LoginError(f"{VARIABLE}: there is no file {path}", "give a private key's path or its text")
        return Offer(load_file(path), f"{VARIABLE} ({path})")
    except LockedKey:
        where = f"{VARIABLE} ({value})" if value.startswith(("/", "~/", "./")) else VARIABLE
        raise LoginError(f"{where}: the key has a passphrase, which nobody can type here",
                         f"use a key without one, or load it with ssh-add and leave {VARIABLE} unset") from None
    except UnusableKey as error:
        raise LoginError(f"{VARIABLE}: {error}", "see whether all of its lines arrived: -----BEGIN to -----END"
                         ) from None


def _from_file(path: Path, agent: tuple[AgentKey, ...]) -> Offer:
    try:
        return Offer(load_file(path), str(path))
    except LockedKey:
        held = _held_by(agent, path)
        if held is None:
            raise LoginError(f"{path}: the key has a passphrase, and no agent has it open",
                             f"ssh-add {path}") from None
        return Offer(held, f"{path} (agent)")
    except UnusableKey as error:
        raise LoginError(f"{path}: {error}", "see identity_file in hosts.yaml") from None


def _configured(settings: Settings, agent: tuple[AgentKey, ...]) -> Keys:
    files: list[Offer] = []
    locked: list[Path] = []
    unusable: list[str] = []
    first: list[Offer] = []
    for path in filter(Path.is_file, dict.fromkeys(settings.identity_files)):
        held = _held_by(agent, path)
        if held is not None:
            first.append(Offer(held, f"{path} (agent)"))
            continue
        try:
            files.append(Offer(load_file(path), str(path)))
        except LockedKey:
            locked.append(path)
        except UnusableKey as error:
            unusable.append(f"{path}: {error}")
    named = {offer.key.asbytes() for offer in first}
    others = () if settings.identities_only else agent
    rest = [Offer(key, f"agent: {key.comment or key.get_name()}") for key in others if key.asbytes() not in named]
    return Keys((*first, *rest, *files), tuple(locked), tuple(unusable))


def _held_by(agent: tuple[AgentKey, ...], path: Path) -> AgentKey | None:
    blob = public_blob(path) if agent else None
    return next((key for key in agent if key.asbytes() == blob), None)
