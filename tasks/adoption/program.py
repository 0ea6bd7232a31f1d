"""One program of a supervisord, in the words of hosts.yaml. Pure."""

from __future__ import annotations

import contextlib
import os.path
from collections.abc import Iterator, Mapping
from typing import Any

from .._errors import Mistake
from ..inventory import model, urls
from ..inventory.rules import command_line, interpolation, keys, program_options, sockets, values
from ..program import files, quoting
from ..rollout.protocol import Adopted, AdoptedClone, AdoptedProgram
from . import options, process_number
from .secret_names import looks_secret

UNREADABLE = "\ufffd"


def obstacle(program: AdoptedProgram) -> str:
    """Why a program is none of hosts.yaml's; empty where it can be."""
    if program.problem or program.is_ours:
        return program.problem or "Fabvisor deploys it already"
    if not program.directory:
        return "it has no `directory`, and its command names no git clone: add `directory=` to its section"
    return (_clone_obstacle(program.directory, program.clone) or values.check_service_name(program.name)
            or _line_break(program) or values.check_command(_command_of_first(program))
            or values.check_numprocs(numprocs(program))
            or _socket_obstacle(program.options.get("socket")) or _user_obstacle(program.options)
            or _secret_obstacle(program.expanded))


def _clone_obstacle(directory: str, clone: AdoptedClone | None) -> str:
    if clone is None:
        return f"{directory} is no git clone"
    if not clone.repo and clone.releases:
        return f"no repository with an `origin` lies in {clone.directory}"
    if not clone.repo:
        return f"the clone {clone.directory} has no `origin`"
    written = {"repo": urls.split_login(clone.repo)[0], "directory": clone.directory,
               **({"subdirectory": clone.subdirectory} if clone.subdirectory else {})}
    return next((f"{key}: {wrong}" for key, value in written.items() if (wrong := keys.SERVICE[key](value))), "")


def _line_break(program: AdoptedProgram) -> str:
    """supervisord splits a command at those between its words."""
    words: list[str] = []
    with contextlib.suppress(Mistake):
        words = quoting.words(program.options.get("command", ""))
    return "a word of its command has a line break: put it into a script" if "\n" in "".join(words) else ""


def _socket_obstacle(socket: str | None) -> str:
    """`socket`: of an [fcgi-program:x]."""
    wrong = sockets.check_socket(socket) if socket is not None else ""
    return f"socket: {wrong}" if wrong else ""


def _user_obstacle(written: Mapping[str, str]) -> str:
    wrong = options.mistake("user", written["user"], written) if "user" in written else ""
    return f"user: {wrong}" if wrong else ""


def _secret_obstacle(expanded: Mapping[str, str]) -> str:
    """supervisord may put a secret into a command: hosts.yaml is no place for it."""
    secret = next((name for name, value in expanded.items() if looks_secret(name, value)), "")
    return (f"its options hold %(ENV_{secret})s, which looks like a secret: let the program read {secret} from its "
            "environment") if secret else ""


def user(program: AdoptedProgram, adopted: Adopted) -> str | None:
    """As whom it runs, where hosts.yaml has to say it."""
    named = program.options.get("user")
    if named and named.isdecimal() and int(named) == 0:
        return "root"                           # hosts.yaml has to say so by name
    is_roots = adopted.supervisord == "root" != adopted.login
    return named or ("root" if is_roots else None)


def settings(program: AdoptedProgram, group: str, logs: str, folder: str, user: str | None) -> dict[str, Any]:
    """`group`: its name in supervisord from then on. `logs`: the folder of its log. `folder`: that of the service.
    `user`: as whom all programs of the service run."""
    chosen = _options(program, group, logs)
    named = {"user": user,
             **{name: options.named(name, value, program.options) for name, value in chosen.items()
                if not options.mistake(name, value, program.options)}}
    count = numprocs(program)
    return {"command": command(program, folder), "numprocs": count if count > 1 else None,
            "socket": program.options.get("socket"),
            "program": {name: value for name, value in named.items() if value is not None}}


def remarks(program: AdoptedProgram, group: str, logs: str) -> Iterator[str]:
    """What hosts.yaml cannot say of it."""
    if UNREADABLE in "".join([*program.options.values(), *program.variables.values()]):
        yield f"bytes of it that are no UTF-8 are {UNREADABLE} here: write what they stand for"
    known = {"RUN_MODE", *variables(program), *_numbered(program), *_given(program)}
    for name in sorted(program.variables.keys() - known):
        yield "environment: " + (values.check_variable_name(name) or
                                 f"{name} has the number of each process: let the program read PROCESS_NUM")
    for option, text in _options(program, group, logs).items():
        if wrong := options.mistake(option, text, program.options):
            yield f"program: {option} {wrong}"
    if "directory" not in program.options:
        yield f"it had no `directory`: it runs in {program.directory} from now on"
    name = program.options.get("process_name", program.name)
    count = numprocs(program)
    if name != (program.name if count == 1 else program.name + files.NUMBER):
        yield f"process_name={name}: supervisord calls it {group if count == 1 else group + '_00, ' + group + '_01 …'}"
    if count > 1 and _first_number(program):
        yield f"numprocs_start={_first_number(program)}: its processes are numbered from 0"


def command(program: AdoptedProgram, folder: str) -> str:
    """On one line: supervisord splits it at line breaks, too. Where it names the number of a process, or hosts.yaml
    would put in a variable, sh puts in what supervisord did; sh also goes to a directory other than `folder`."""
    text = _command(program)
    words = quoting.words(text)
    filled = " ".join(words[:command_line.filled_words(words)])
    elsewhere = _way(program, folder)
    if elsewhere or _numbered(program) or _is_numbered(program, text) or interpolation.PLACEHOLDER.search(filled):
        return process_number.script(text, _numbered(program), _first_number(program), elsewhere)
    return text


def _way(program: AdoptedProgram, folder: str) -> str:
    """From the folder of the service to that of the program; absolute where it leads out of the clone."""
    if program.directory == folder:
        return ""
    is_inside = program.clone is not None and f"{program.directory}/".startswith(f"{program.clone.directory}/")
    return os.path.relpath(program.directory, folder) if is_inside else program.directory


def variables(program: AdoptedProgram) -> dict[str, str]:
    """Those that hosts.yaml can say, without RUN_MODE."""
    return {name: value for name, value in program.variables.items()
            if name != "RUN_MODE" and _is_usable(name, value) and not _is_numbered(program, value)}


def numprocs(program: AdoptedProgram) -> int:
    return process_number.count(program.options)


def priority(program: AdoptedProgram) -> int:
    """supervisord starts the lowest first."""
    text = program.options.get("priority", "")
    return int(text) if not program_options.check_option("priority", text) else 999


def _command(program: AdoptedProgram) -> str:
    text = " ".join(program.options.get("command", "").split("\n")).strip()
    with contextlib.suppress(Mistake):
        if command_line.shell_variable(text):               # to supervisord it is a text like any other
            return " ".join(map(quoting.for_sh, quoting.words(text)))
    return text


def _command_of_first(program: AdoptedProgram) -> str:
    text = _command(program)
    return process_number.of_first(text) if numprocs(program) > 1 else text


def _first_number(program: AdoptedProgram) -> int:
    return process_number.first(program.options)


def _is_numbered(program: AdoptedProgram, text: str) -> bool:
    return numprocs(program) > 1 and process_number.is_in(text)


def _numbered(program: AdoptedProgram) -> dict[str, str]:
    """The variables with the number of each process in them. One that looks secret stands in no command."""
    return {name: value for name, value in program.variables.items()
            if _is_usable(name, value) and _is_numbered(program, value) and not looks_secret(name, value)}


def _given(program: AdoptedProgram) -> list[str]:
    """The variable that Fabvisor gives each process, where it is the same as before."""
    number = process_number.for_hosts_yaml(program.variables.get("PROCESS_NUM", ""), program.options)
    return ["PROCESS_NUM"] if numprocs(program) > 1 and number == model.NUMBER else []


def _is_usable(name: str, value: str) -> bool:
    return not values.check_variable_name(name) and not values.check_variable_value(value)


def _options(program: AdoptedProgram, group: str, logs: str) -> dict[str, program_options.Value]:
    number = files.NUMBER if numprocs(program) > 1 else ""
    return options.differing(program.options, f"{logs}/{group}{number}.log")
