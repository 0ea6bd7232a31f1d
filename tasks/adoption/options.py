"""The options of a program that hosts.yaml has to name, so that it goes on as it ran."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..inventory.rules import interpolation, program_options
from ..program import handwritten
from . import process_number

# What supervisord takes where an option is not written, and Fabvisor takes another value.
SUPERVISOR = {"autorestart": "unexpected", "redirect_stderr": "false", "stdout_logfile": "AUTO",
              "stdout_logfile_maxbytes": "50MB", "stdout_logfile_backups": "10"}
FLAGS = {name for name, kind in program_options.KINDS.items()
         if kind in (program_options.KINDS["autostart"], program_options.KINDS["autorestart"])}


def differing(written: Mapping[str, str], log: str) -> dict[str, program_options.Value]:
    """The options that are not what Fabvisor takes by itself. `log`: the file that it would write to."""
    theirs = {**SUPERVISOR, "killasgroup": written.get("stopasgroup", "false"),
              **{name: value.strip() for name, value in written.items() if name in program_options.KINDS}}
    ours = {**handwritten.DEFAULTS, **program_options.DEFAULTS, "stdout_logfile": log}
    return {name: _value(name, value) for name, value in theirs.items() if name != "user" and value
            and not handwritten.is_overlooked(name, written)
            and handwritten.canonical(name, value) != handwritten.canonical(name, ours.get(name, ""))}


def named(name: str, value: program_options.Value, written: Mapping[str, str]) -> program_options.Value:
    """A log file of each process has its number as hosts.yaml names it."""
    is_log = name in program_options.LOG_FILES and process_number.count(written) > 1
    return process_number.for_hosts_yaml(str(value), written) if is_log else value


def mistake(name: str, value: program_options.Value, written: Mapping[str, str]) -> str:
    """Why hosts.yaml cannot say it; empty where it can."""
    placeholder = interpolation.PLACEHOLDER.search(str(value))
    return (f"holds {placeholder[0]}, which is a variable in hosts.yaml" if placeholder
            else program_options.check_option(name, named(name, value, written)))


def _value(name: str, value: str) -> program_options.Value:
    """As one writes it in YAML."""
    if name.endswith("_logfile") and value.lower() in ("none", "off"):
        return "NONE"
    if name in FLAGS:
        flag = handwritten.canonical(name, value)
        return flag == "true" if flag in ("true", "false") else flag
    return int(value) if re.fullmatch(r"0|[1-9][0-9]{0,8}", value) and name != "umask" else value
