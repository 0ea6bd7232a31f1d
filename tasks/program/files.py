"""Writes the program file and the environment file of a service."""

from __future__ import annotations

from hashlib import sha256

from msgspec import Struct

from ..executor.protocol import PROGRAM_HEADER, SECRET_NAMES
from ..inventory.model import Service
from ..inventory.program_options import DEFAULTS
from ..inventory.secret import Secret
from . import quoting

HEADER = PROGRAM_HEADER + " for {service}: the next deploy replaces what is changed here.\n"
LOG_FILES = ("stdout_logfile", "stderr_logfile")
# The program reads its environment file first, then becomes the command: same pid, exact values.
START = '. "$0" && exec "$@"'


class Paths(Struct, frozen=True, kw_only=True):
    """Absolute paths on the host; and `user`, as whom the program runs there where hosts.yaml does not say."""

    directory: str
    env_file: str
    log: str
    user: str | None = None


def program_file(service: Service, paths: Paths) -> str:
    """The text of conf.d/<service>.conf, which starts the service."""
    argv = ["/bin/sh", "-c", START, paths.env_file, *quoting.words(service.command)]
    own = {
        "command": quoting.command_for_supervisord(argv),
        "directory": quoting.for_supervisord(paths.directory),
        "environment": f'RUN_MODE="{quoting.for_supervisord(service.run_mode)}"',
        "stdout_logfile": quoting.path_for_supervisord(paths.log),
    }
    options = {name: _option(name, value) for name, value in service.program.items()}
    user = {"user": paths.user} if paths.user is not None else {}
    lines = [f"{name}={value}\n" for name, value in (own | DEFAULTS | user | options).items()]
    return HEADER.format(service=service.name) + f"[program:{service.name}]\n" + "".join(lines)


def _option(name: str, value: str) -> str:
    return quoting.path_for_supervisord(value) if name in LOG_FILES else quoting.for_supervisord(value)


def env_file(service: Service) -> Secret:
    """The text that sh reads before the program starts. Any value without NUL arrives exactly.

    Its second line names the secrets: the host masks their values in all output (executor/masking.py).
    """
    lines = ["# Written by Fabvisor: the variables of the program, but for RUN_MODE.\n"]
    if service.secrets:
        lines.append(f"{SECRET_NAMES}{' '.join(service.secrets)}\n")
    lines += [f"export {name}={quoting.for_sh(value)}\n" for name, value in sorted(service.variables.items())]
    text = Secret("".join(lines))
    for name in sorted(service.secrets):
        text += Secret(f"export {name}=") + service.secret_values[name].map(quoting.for_sh) + "\n"
    return text


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def seconds(service: Service, option: str, default: float) -> float:
    """A time among the program's options, in seconds."""
    return float(service.program.get(option, default))
