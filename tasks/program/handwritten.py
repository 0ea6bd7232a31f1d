"""The settings of a program file written by hand that a deploy would lose. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ..executor.protocol import PROGRAM_HEADER
from ..inventory.model import Program, Service
from . import quoting

# What supervisord takes where an option is not written. Source: supervisor/options.py `_processes_from_section`, 4.3.
DEFAULTS = {
    "numprocs": "1", "numprocs_start": "0", "autostart": "true", "startsecs": "1", "startretries": "3",
    "priority": "999", "exitcodes": "0", "stopsignal": "TERM", "stopwaitsecs": "10", "stdout_capture_maxbytes": "0",
    "stdout_events_enabled": "false", "stdout_syslog": "false", "stderr_logfile": "AUTO",
    "stderr_logfile_maxbytes": "50MB", "stderr_logfile_backups": "10", "stderr_capture_maxbytes": "0",
    "stderr_events_enabled": "false", "stderr_syslog": "false", "serverurl": "AUTO", "umask": "none",
}
OPTIONS = {*DEFAULTS, "user", "process_name", "autorestart", "stopasgroup", "killasgroup", "redirect_stderr",
           "stdout_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups",
           "socket", "socket_owner", "socket_mode", "socket_backlog"}
EXPORT = re.compile(r"\bexport ([A-Za-z_][A-Za-z0-9_]*)=")     # in a command of sh: as fab adopt writes it
PROGRAM_KINDS = ("program", "fcgi-program")
NUMBERS = {"startsecs", "startretries", "stopwaitsecs", "priority", "exitcodes", "umask", "stdout_logfile_backups",
           "stderr_logfile_backups", "numprocs", "numprocs_start"}
UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30}
FLAGS = {"yes": "true", "on": "true", "1": "true", "t": "true", "y": "true",
         "no": "false", "off": "false", "0": "false", "f": "false", "n": "false"}


def is_handwritten(text: str | None) -> bool:
    """Whether there is a program file, and Fabvisor did not write it."""
    return text is not None and not text.startswith(PROGRAM_HEADER)


def losses(service: Service, path: str, text: str | None, new: str) -> list[str]:
    """The names of options and variables of a handwritten file that hosts.yaml does not set and `new` does not have.

    `path` is where the file lies, `new` the text that a deploy would write there. Values are never told.
    """
    if text is None or not is_handwritten(text):
        return []
    return [loss if len(service.programs) == 1 else f"{loss} (of {program.group})"
            for program in service.programs for loss in _losses(service, program, path, text, new)]


def _losses(service: Service, program: Program, path: str, text: str, new: str) -> list[str]:
    theirs, ours = (_options(program.group, each, path) for each in (text, new))
    given = {*program.options, *(["numprocs", "process_name"] if program.numprocs is not None else []),
             *(["socket"] if program.socket else [])}
    lost = [option for option in sorted(theirs.keys() & OPTIONS - given) if _is_lost(option, theirs, ours)]
    known = {*service.variables_of(program), *service.secrets, *EXPORT.findall(program.command),
             *(["PROCESS_NUM"] if program.numprocs is not None else [])}
    return lost + [f"variable {name}" for name in quoting.variable_names(theirs.get("environment", ""))
                   if name not in known]


def describe(path: str, lost: list[str]) -> str:
    return f"{path} was written by hand, and has what hosts.yaml does not set: {', '.join(lost)}"


def _is_lost(option: str, theirs: dict[str, str], ours: dict[str, str]) -> bool:
    if option == "process_name":
        return theirs[option] not in ("%(program_name)s", theirs["program_name"])
    if is_overlooked(option, theirs):
        return False
    written = ours.get(option, DEFAULTS.get(option, ""))
    return canonical(option, theirs[option]) != canonical(option, written)


def is_overlooked(option: str, written: Mapping[str, str]) -> bool:
    """Whether it has no effect beside the other options of its program."""
    if option == "numprocs_start":
        return canonical("numprocs", written.get("numprocs", "1")) == "1"
    if option == "socket_backlog":
        return "socket" not in written
    if option.startswith("socket_"):                    # the owner and the mode of a file
        return not written.get("socket", "").startswith("unix:")
    return (option.startswith("stderr_")
            and canonical("redirect_stderr", written.get("redirect_stderr", "")) == "true")


def canonical(option: str, value: str) -> str:
    """The same text for values that supervisord takes for the same."""
    value = value.strip()
    if option.endswith("_logfile") and "/" in value:
        return os.path.normpath(value)
    value = value.lower()
    if option == "stopsignal":
        return value.removeprefix("sig")
    if option.endswith("_maxbytes"):
        number = value[:-2]
        unit = value[-2:]
        return str(int(number) * UNITS[unit]) if unit in UNITS and number.isdecimal() else value
    if option in NUMBERS:
        return ",".join(part.strip().lstrip("0") or "0" for part in value.split(","))
    return FLAGS.get(value, value)


def _options(name: str, text: str, path: str) -> dict[str, str]:
    """The options of the program, as supervisor's own parser reads them; {} where the text cannot be parsed."""
    import configparser  # seldom needed: such a file is there before the first deploy

    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    for section in parser.sections():
        kind, _, program = section.partition(":")
        if kind in PROGRAM_KINDS and program.strip() == name:
            expansions = {"%(here)s": os.path.dirname(path), "%(program_name)s": name, "%%": "%"}
            options = dict(parser.items(section))
            for key in options.keys() - {"process_name"}:
                for escape, value in expansions.items():
                    options[key] = options[key].replace(escape, value)
            return {**options, "program_name": name}
    return {}
