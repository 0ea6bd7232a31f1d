"""The program file and the environment file of a service."""

from __future__ import annotations

from hashlib import sha256

from msgspec import Struct

from ..executor.protocol import PROGRAM_HEADER, SECRET_NAMES
from ..inventory.model import Program, Service
from ..inventory.program_options import DEFAULTS
from ..inventory.secret import Secret
from . import quoting

HEADER = PROGRAM_HEADER + " for {service}: the next deploy replaces what is changed here.\n"
LOG_FILES = ("stdout_logfile", "stderr_logfile")
# The program reads its environment file first, then becomes the command: same pid, exact values.
START = '. "$0" && exec "$@"'


class Paths(Struct, frozen=True, kw_only=True):
    """Absolute paths on the host; and `user`, as whom programs run there where hosts.yaml does not say. `logs` is the
    folder of their logs."""

    directory: str
    env_file: str
    logs: str
    user: str | None = None


def program_file(service: Service, paths: Paths) -> str:
    """The text of conf.d/<service>.conf, which starts the service: a section for each program."""
    sections = (_section(service, program, paths) for program in service.programs)
    return HEADER.format(service=service.name) + "\n".join(sections)


def _section(service: Service, program: Program, paths: Paths) -> str:
    argv = ["/bin/sh", "-c", START, paths.env_file, *quoting.words(program.command)]
    log = f"{paths.logs}/{program.group}"
    own = {
        "command": quoting.command_for_supervisord(argv),
        "directory": quoting.for_supervisord(paths.directory),
        "environment": f'RUN_MODE="{quoting.for_supervisord(service.run_mode)}"',
        "stdout_logfile": quoting.path_for_supervisord(log) + ".log",
    }
    options = {name: _option(name, value) for name, value in program.options.items()}
    user = {"user": paths.user} if paths.user is not None else {}
    lines = [f"{name}={value}\n" for name, value in (own | DEFAULTS | user | options).items()]
    return f"[program:{program.group}]\n" + "".join(lines)


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


def seconds(program: Program, option: str, default: float) -> float:
    """A time among the program's options, in seconds."""
    return float(program.options.get(option, default))
