"""The options that OpenSSH uses for a host: `ssh -G`, or paramiko's reader where no ssh is installed.

The settings of hosts.yaml are handed to ssh as options, so they win, and Match blocks and %-tokens see them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from ..._errors import Mistake
from ..._user_folders import home
from ...inventory.model import Host
from .ssh_tokens import database_home

Options = dict[str, list[str]]              # by lower-case keyword, every value in order
Ask = Callable[[Host], Options]
LONGEST = 30.0                              # seconds
SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
UNSAFE = re.compile(r"""[\s'"`$\\;&<>|(){}*?!,\x00]""")
UNSAFE_USER = re.compile(r"""[\s'"`$;&<>|(){}*?!,\x00]""")        # CORP\deploy is a user of a directory
# By keyword: the values without an effect, what is wrong with the others, and what to do.
REFUSED = {
    "BindInterface": (("none", ""), "Fabvisor can bind to an address only", "write BindAddress in its place"),
    "ProxyUseFdpass": (("no", "false"), "Fabvisor talks to a ProxyCommand by its standard input and output",
                       "write a ProxyCommand that passes the bytes on, such as nc %h %p"),
    "PubkeyAuthentication": (("yes", "true", "unbound", "host-bound"), "Fabvisor logs in with keys only",
                             "allow it for this host in ~/.ssh/config"),
}


def refuse_names(host: Host) -> None:
    """Raises Mistake for a name that ssh would not take."""
    for name, value, unsafe in (("name", host.name, UNSAFE), ("address", host.address, UNSAFE),
                                 ("user", host.user, UNSAFE_USER)):
        if value is not None and (not value or value.startswith("-") or unsafe.search(value)):
            raise Mistake(f"{host.name}: {value!r} cannot be a host's {name}", "see hosts.yaml")


def ask(host: Host) -> Options:
    """Raises Mistake for a broken ssh configuration. The host's names must have been checked (refuse_names)."""
    ssh = shutil.which("ssh")
    options = _ask_openssh(ssh, host) if ssh else None
    return _ask_paramiko(host) if options is None else options


def _ask_openssh(ssh: str, host: Host) -> Options | None:
    own = _config_of_user(host)
    given = (["-F", "/dev/stdin", *overrides(replace(host, user=None))] if own
             else [*config_argument(), *overrides(host)])
    try:
        with _standard_input(own) as stdin:
            done = subprocess.run([ssh, "-G", "-T", *given, "--", host.name], stdin=stdin, capture_output=True,
                                  timeout=LONGEST, check=False, encoding="utf-8", errors="surrogateescape")
    except subprocess.TimeoutExpired:
        raise Mistake(f"{host.name}: `ssh -G` did not end within {LONGEST:g} s",
                      "look for a `Match exec` that hangs in ~/.ssh/config") from None
    if done.returncode:
        if "No user exists for uid" in done.stderr:     # a container's made-up user: ssh itself cannot run
            return None
        lines = [line for line in done.stderr.splitlines() if "terminating" not in line]
        raise Mistake(f"{host.name}: ssh refuses its settings: {'; '.join(lines).strip()}",
                      f"try: ssh -G {host.name}")
    options: Options = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key.lower(), []).append(value)
    return options


@contextlib.contextmanager
def _standard_input(config: bytes) -> Iterator[IO[bytes] | int]:
    """A file with that content, or none. It is no pipe: `Match final` makes ssh read it twice."""
    if not config:
        yield subprocess.DEVNULL
        return
    import tempfile  # it brings much, and few users need it

    with tempfile.TemporaryFile() as file:
        file.write(config)
        file.seek(0)
        yield file


def refuse(name: str, options: Options) -> None:
    """Raises Mistake for an option by which ssh reaches or trusts a host, and we cannot."""
    for keyword, (harmless, message, hint) in REFUSED.items():
        value = options.get(keyword.lower(), [harmless[0]])[0]
        if value.lower() not in harmless:
            raise Mistake(f"{name}: {keyword} {value} of the ssh configuration: {message}", hint)


def config_argument() -> list[str]:
    """ssh takes the home folder from the password database; we take $HOME."""
    if home() == database_home():
        return []
    config = home() / ".ssh" / "config"
    return ["-F", str(config) if os.path.isfile(config) else "none"]


def _config_of_user(host: Host) -> bytes:
    """A configuration for a user with a backslash (of a directory), which new versions of ssh take from nowhere else;
    empty for any other user. It includes those that ssh reads by itself."""
    if "\\" not in (host.user or ""):
        return b""
    files = [home() / ".ssh/config", *([SYSTEM_CONFIG] if home() == database_home() else [])]
    lines = ['User "{}"'.format((host.user or "").replace("\\", "\\\\")),
             *(f'Include "{file}"' for file in files if os.path.isfile(file))]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def overrides(host: Host) -> list[str]:
    given = {"HostName": host.address and host.address.replace("%", "%%"), "Port": host.port}
    user = ["-l", host.user] if host.user else []           # in an option, its backslash would have a meaning
    return [*user, *(word for key, value in given.items() if value is not None for word in ("-o", f"{key}={value}"))]


def _ask_paramiko(host: Host) -> Options:
    from paramiko.ssh_exception import ConfigParseError

    from ..paramiko_private.config_reader import ConfigReader

    given = {"HostName": host.address, "Port": host.port, "User": host.user}
    text = "Host *\n" + "".join(f"  {key} {value}\n" for key, value in given.items() if value is not None)
    for path in (home() / ".ssh" / "config", SYSTEM_CONFIG):
        if os.path.isfile(path):
            text += "\n" + path.read_text(encoding="utf-8", errors="surrogateescape")
    try:
        options = ConfigReader.from_text(text).lookup(host.name)
    except ConfigParseError as error:
        raise Mistake(f"{host.name}: ~/.ssh/config: {error}", "see ~/.ssh/config") from None
    except (KeyError, OSError):             # of getpass
        raise Mistake(f"{host.name}: a `Match` or a token of the ssh configuration stands for the name of your user,"
                      f" and user {os.getuid()} of this machine has none", "export USER=NAME") from None
    ways = [key for key in options if key in ("proxycommand", "proxyjump")]
    for late in ways[1:]:                   # for OpenSSH they are one setting: the first one wins
        del options[late]
    return {key: value if isinstance(value, list) else [str(value)] for key, value in options.items()}
