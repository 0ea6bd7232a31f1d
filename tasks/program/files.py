"""The program file and the environment file of a service."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct

from ..executor.protocol import PROGRAM_HEADER, SECRET_NAMES
from ..inventory.model import Program, Service
from ..inventory.rules import command_line, interpolation
from ..inventory.rules.program_options import DEFAULTS, LOG_FILES
from ..inventory.secret import Secret
from . import quoting

HEADER = PROGRAM_HEADER + " for {service}: the next deploy replaces what is changed here.\n"
NUMBER = "_%(process_num)02d"           # of a process, as model.Program.processes has it
# The program reads its environment file first, then becomes the command: same pid, exact values.
START = '. "$0" && exec "$@"'
# The same where programs have variables of their own: the file looks at $1, which is the program's name.
START_NAMED = '. "$0" && shift && exec "$@"'


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
    own_variables = any(each.variables for each in service.programs)
    start = [START_NAMED, paths.env_file, program.name] if own_variables else [START, paths.env_file]
    argv = ["/bin/sh", "-c", *start, *_words(service, program)]
    log = quoting.path_for_supervisord(f"{paths.logs}/{program.group}")
    is_numbered = len(program.processes) > 1
    own = {
        "command": quoting.command_for_supervisord(argv),
        "directory": quoting.for_supervisord(paths.directory),
        "environment": _environment(service, program),
        "stdout_logfile": log + (NUMBER if is_numbered else "") + ".log",
    }
    if program.socket:
        own["socket"] = quoting.for_supervisord(program.socket)
    if is_numbered:
        own |= {"numprocs": str(program.numprocs), "process_name": "%(program_name)s" + NUMBER}
    options = {name: _option(name, value) for name, value in program.options.items()}
    user = {"user": paths.user} if paths.user is not None else {}
    lines = [f"{name}={value}\n" for name, value in (own | DEFAULTS | user | options).items()]
    kind = "fcgi-program" if program.socket else "program"
    return f"[{kind}:{program.group}]\n" + "".join(lines)


def _words(service: Service, program: Program) -> list[str]:
    """Those of the command. A value of a variable stays in its word, whatever is in it."""
    words = quoting.words(program.command)
    number = {} if program.numprocs is None else {"PROCESS_NUM": quoting.PROCESS_NUMBER}
    variables = {**service.variables_of(program), **number}
    count = command_line.filled_words(words)
    return [interpolation.fill(word, variables) for word in words[:count]] + words[count:]


def _environment(service: Service, program: Program) -> str:
    """What is not in the environment file: it differs between the processes, or the program must not change it."""
    number = "" if program.numprocs is None else ',PROCESS_NUM="%(process_num)d"'
    return f'RUN_MODE="{quoting.for_supervisord(service.run_mode)}"{number}'


def _option(name: str, value: str) -> str:
    return quoting.path_for_supervisord(value) if name in LOG_FILES else quoting.for_supervisord(value)


def env_file(service: Service, login_path: str | None = None) -> Secret:
    """The text that sh reads before the program starts. Any value without NUL arrives exactly.

    `login_path`: PATH of the login, by which sh finds the command, unless hosts.yaml sets another.
    Its second line names the secrets: the host masks their values in all output (executor/masking.py).
    """
    lines = ["# Written by Fabvisor: the variables of the program, but for RUN_MODE.\n"]
    if service.secrets:
        lines.append(f"{SECRET_NAMES}{' '.join(service.secrets)}\n")
    lines += _exports(variables_in_file(service, login_path))
    text = Secret("".join(lines))
    for name in sorted(service.secrets):
        text += Secret(f"export {name}=") + service.secret_values[name].map(quoting.for_sh) + "\n"
    for program in service.programs:
        if program.variables:
            # In quotes, for a program may be called esac.
            text += "".join([f"case $1 in '{program.name}')\n", *_exports(program.variables), ";; esac\n"])
    return text


def variables_in_file(service: Service, login_path: str | None) -> dict[str, str]:
    """The variables of all its programs that its environment file has, without secrets."""
    path = {} if login_path is None or "PATH" in service.secrets else {"PATH": login_path}
    return path | service.variables


def _exports(variables: Mapping[str, str]) -> list[str]:
    return [f"export {name}={quoting.for_sh(value)}\n" for name, value in sorted(variables.items())]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def seconds(program: Program, option: str, default: float) -> float:
    """A time among the program's options, in seconds."""
    return float(program.options.get(option, default))
