"""The command line of the system's ssh for a host of the inventory."""

from __future__ import annotations

import os
import shutil

from .._errors import NotReady
from ..inventory.model import Host
from ..program.quoting import for_sh
from .configuration.ssh_config import Settings, effective
from .configuration.ssh_options import ask, config_argument, overrides, refuse_names
from .connection.gateways import gateway_of, refuse_circle
from .host_keys import known_hosts
from .user_keys import explicit_keys
from .user_keys.key_offers import has_half

# What the ssh configuration may set in place of a shell for a person; older versions of ssh do not know all of them.
SHELL = {"RemoteCommand": "none", "SessionType": "default", "StdinNull": "no"}


def words(host: Host, command: str) -> list[str]:
    """ssh with a terminal, for a command of the host's shell. An unknown host key is refused, as by every command.

    Raises NotReady where this machine has no ssh, and Mistake as every connection does.
    """
    program = shutil.which("ssh")
    if program is None:
        raise NotReady("this machine has no ssh", "apt-get install openssh-client")
    return [program, "-t", *_options(program, host, (host,)), "--", host.name, command]


def _options(program: str, host: Host, path: tuple[Host, ...]) -> list[str]:
    """`path`: the hosts so far. A gateway gets options of its own: -J hands none of them on, and would ask about an
    unknown key."""
    refuse_names(host)
    _refuse_texts(host)
    options = ask(host)
    settings = effective(host, lambda _: options)
    gateway = gateway_of(host, settings)
    directly = _set("ProxyJump=none", "ProxyCommand=none") if host.gateway == "none" else []
    others = [f"{keyword}={value}" for keyword, value in SHELL.items()
              if options.get(keyword.lower(), [value]) != [value]]
    return [*config_argument(), *overrides(host), *(_by_way_of(program, gateway, path) if gateway else directly),
            *_keys(host, settings), *_host_keys(host, settings), *_set(*others)]


def _refuse_texts(host: Host) -> None:
    for variable, is_text in ((explicit_keys.VARIABLE, explicit_keys.is_text(host)),
                              (known_hosts.VARIABLE, known_hosts.is_text(host))):
        if is_text:
            raise NotReady(f"{host.name}: ssh takes files only, and {variable} is no path of one",
                           f"save its content in a file (umask 077), and let {variable} be the path")


def _set(*options: str) -> list[str]:
    return [word for option in options for word in ("-o", option)]


def _keys(host: Host, settings: Settings) -> list[str]:
    """A key that was named is the only one, as for every command: an agent with many would use up all tries."""
    named = [path for path in explicit_keys.named_files(host) if has_half(path)]
    only = _set("IdentitiesOnly=yes") if named else []
    return [*only, *(word for path in named or filter(has_half, settings.identity_files) for word in ("-i", str(path)))]


def _host_keys(host: Host, settings: Settings) -> list[str]:
    """The command of the ssh configuration counts beside its own files only, as for every command. A connection that
    another ssh has made (ControlPath) may be to a host of any key."""
    known = " ".join(f'"{path}"' for path in known_hosts.files(host, settings)) or "none"
    commands = ["KnownHostsCommand=none"] if settings.known_hosts_command and known_hosts.is_named(host) else []
    return _set("StrictHostKeyChecking=yes", "NoHostAuthenticationForLocalhost=no", "VerifyHostKeyDNS=no",
                "UpdateHostKeys=no", "ControlPath=none", f"UserKnownHostsFile={known}",
                f"GlobalKnownHostsFile={os.devnull}", *commands)


def _by_way_of(program: str, gateway: Host, path: tuple[Host, ...]) -> list[str]:
    refuse_circle(gateway, path)
    words = [program, *_options(program, gateway, (*path, gateway))]
    options = " ".join(for_sh(word.replace("%", "%%")) for word in words)
    return ["-o", f"ProxyCommand={options} -W '[%h]:%p' -- {for_sh(gateway.name)}"]
