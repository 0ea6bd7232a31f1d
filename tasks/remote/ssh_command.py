"""The command line of the system's ssh for a host of the inventory."""

from __future__ import annotations

import shutil
from pathlib import Path

from .._errors import NotReady
from ..inventory.model import Host
from .ssh_config import effective
from .ssh_options import config_argument, overrides


def words(host: Host, command: str) -> list[str]:
    """ssh with a terminal, for a command of the host's shell. An unknown host key is refused, as by every command.

    Raises NotReady where this machine has no ssh, and Mistake as every connection does.
    """
    program = shutil.which("ssh")
    if program is None:
        raise NotReady("this machine has no ssh", "apt-get install openssh-client")
    settings = effective(host)
    keys = [Path(host.identity_file).expanduser()] if host.identity_file else list(settings.identity_files)
    known = [host.known_hosts] if host.known_hosts else [str(path) for path in settings.known_hosts_files]
    quoted = " ".join(f'"{path}"' for path in known)
    return [program, "-t", *config_argument(), *overrides(host), *(["-J", host.gateway] if host.gateway else []),
            *(word for key in keys if key.is_file() for word in ("-i", str(key))),
            "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={quoted}", "--", host.name, command]
