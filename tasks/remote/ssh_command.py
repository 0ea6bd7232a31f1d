"""The command line of the system's ssh for a host of the inventory."""

from __future__ import annotations

import shutil
from pathlib import Path

from .._errors import NotReady
from ..inventory.model import Host
from ..program.quoting import for_sh
from .gateways import gateway_of, refuse_circle
from .ssh_config import effective
from .ssh_options import config_argument, overrides


def words(host: Host, command: str) -> list[str]:
    """ssh with a terminal, for a command of the host's shell. An unknown host key is refused, as by every command.

    Raises NotReady where this machine has no ssh, and Mistake as every connection does.
    """
    program = shutil.which("ssh")
    if program is None:
        raise NotReady("this machine has no ssh", "apt-get install openssh-client")
    return [program, "-t", *_options(program, host, (host.name,)), "--", host.name, command]


def _options(program: str, host: Host, path: tuple[str, ...]) -> list[str]:
    """`path`: the names of the hosts so far. A gateway gets options of its own: -J hands none of them on, and
    would ask about an unknown key."""
    settings = effective(host)
    keys = [Path(host.identity_file).expanduser()] if host.identity_file else list(settings.identity_files)
    known = [host.known_hosts] if host.known_hosts else [str(path) for path in settings.known_hosts_files]
    quoted = " ".join(f'"{path}"' for path in known)
    gateway = gateway_of(host, settings)
    return [*config_argument(), *overrides(host), *(_by_way_of(program, gateway, path) if gateway else []),
            *(word for key in keys if key.is_file() for word in ("-i", str(key))),
            "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={quoted}"]


def _by_way_of(program: str, gateway: Host, path: tuple[str, ...]) -> list[str]:
    refuse_circle(gateway, path)
    words = [program, *_options(program, gateway, (*path, gateway.name))]
    options = " ".join(for_sh(word.replace("%", "%%")) for word in words)
    return ["-o", f"ProxyCommand={options} -W '[%h]:%p' -- {for_sh(gateway.name)}"]
