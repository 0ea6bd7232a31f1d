"""The effective client settings of a host: hosts.yaml, and the ssh configuration as OpenSSH understands it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from ..._errors import Mistake
from ..._user_folders import home
from ...inventory.model import Host
from .algorithms import OPENSSH, Algorithms, algorithms_of
from .ssh_options import Ask, ask, refuse, refuse_names
from .ssh_tokens import database_home, expand

DEFAULT_KEYS = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")


class Settings(Struct, frozen=True):
    """Effective client settings of one host. The files that it names may not exist."""

    name: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    identities_only: bool
    identity_agent: str | None              # None: SSH_AUTH_SOCK; "none": no agent; else a socket's path
    jumps: tuple[str, ...]                  # [user@]host[:port], the nearest to us first
    proxy_command: str | None
    known_hosts_files: tuple[Path, ...]     # the user's, then the system's
    host_key_alias: str | None
    certificate_files: tuple[Path, ...] = ()
    known_hosts_command: str | None = None  # with its %-tokens
    revoked_host_keys: Path | None = None
    address_family: str = "any"             # any, inet or inet6
    bind_address: str | None = None
    algorithms: Algorithms = OPENSSH
    tokens: Mapping[str, str] = {}    # the %-tokens of this host

    @property
    def lookup_name(self) -> str:
        """The name under which known_hosts files have this host's key."""
        if self.host_key_alias:
            return self.host_key_alias.lower()
        return self.hostname.lower() if self.port == 22 else f"[{self.hostname.lower()}]:{self.port}"


def effective(host: Host, ask: Ask = ask) -> Settings:
    """`ask` knows the ssh configuration. Raises Mistake for a name that ssh would not take, for a broken ssh
    configuration, and for an option of it that cannot be obeyed."""
    refuse_names(host)
    options = ask(host)
    refuse(host.name, options)
    return _settings(host, options)


def _settings(host: Host, options: dict[str, list[str]]) -> Settings:
    def first(key: str) -> str | None:
        value = options.get(key, [""])[0]
        return None if value.lower() in ("", "none") else value

    hostname = first("hostname") or host.name
    port = int(first("port") or 22)
    user = first("user") or _local_user()
    tokens = {"n": host.name, "h": hostname, "p": str(port), "r": user, "k": first("hostkeyalias") or host.name}
    agent = options.get("identityagent", [""])[0]
    jumps = tuple((host.gateway or first("proxyjump") or "").replace(" ", "").split(","))
    own_jump = bool(host.gateway) or jumps != ("",)
    command = None if own_jump else first("proxycommand")
    return Settings(
        name=host.name, hostname=hostname, port=port, user=user,
        identity_files=tuple(Path(expand(file, tokens)) for file in options.get("identityfile", DEFAULT_KEYS)
                             if file.lower() != "none"),
        identities_only=(first("identitiesonly") or "no").lower() == "yes",
        identity_agent=_agent(agent, tokens),
        jumps=() if jumps in (("",), ("none",)) else jumps,
        proxy_command=expand(command, tokens, paths=False) if command else None,
        known_hosts_files=tuple(_rehome(Path(expand(file, tokens))) for file in _known_hosts(options)),
        host_key_alias=first("hostkeyalias"),
        certificate_files=tuple(_rehome(Path(expand(file, tokens))) for file in options.get("certificatefile", [])
                                if file.lower() != "none"),
        known_hosts_command=first("knownhostscommand"),
        revoked_host_keys=Path(expand(revoked, tokens)) if (revoked := first("revokedhostkeys")) else None,
        address_family=(first("addressfamily") or "any").lower(),
        bind_address=first("bindaddress"),
        algorithms=algorithms_of(options),
        tokens=tokens,
    )


def _agent(value: str, tokens: dict[str, str]) -> str | None:
    if value in ("", "SSH_AUTH_SOCK"):
        return None
    if value.startswith("$"):
        return os.environ.get(value.strip("${}")) or "none"
    return value if value == "none" else str(_rehome(Path(expand(value, tokens))))


def _known_hosts(options: dict[str, list[str]]) -> list[str]:
    user = options.get("userknownhostsfile", ["~/.ssh/known_hosts ~/.ssh/known_hosts2"])[0]
    system = options.get("globalknownhostsfile", ["/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"])[0]
    # `ssh -G` joins the names with spaces and quotes nothing: a new one begins with / or ~.
    names = [name for text in (user, system) for name in re.split(r" +(?=[/~]|none$)", text)]
    return [name.strip('"') for name in names if name.lower() != "none"]


def _rehome(path: Path) -> Path:
    """`ssh -G` has already expanded ~ to the password database's home where $HOME was meant."""
    database = database_home()
    if database is None or database == home() or database == Path("/"):
        return path
    return home() / path.relative_to(database) if path.is_relative_to(database) else path


def _local_user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise Mistake("this machine has no name for your user", "set `user:` in hosts.yaml") from None
