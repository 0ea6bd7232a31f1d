"""Reads the programs of a supervisord.conf as supervisord itself would start them.

Source: supervisor/options.py `_processes_from_section`, supervisor/datatypes.py `dict_of_key_value_pairs` (4.3).
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import shlex
from typing import Iterator, Mapping, NamedTuple

from ..errors import NotReady
from .supervisord_conf import PROGRAM_KINDS, Definition, name_of, parse

LISTENER = "eventlistener"
NUMBER = re.compile(r"%%|%\(process_num\)[0-9]*[sd]")
VARIABLE = re.compile(r"%\(ENV_(\w+)\)s")


class Section(NamedTuple):
    """A program whose options are expanded; of several processes the number stays as it was written,
    %(process_num)02d. `problem`: why they cannot be expanded; `expanded`: the variables that they hold."""

    definition: Definition
    group: str
    options: dict[str, str]
    variables: dict[str, str]
    problem: str = ""
    expanded: dict[str, str] = {}       # noqa: RUF012  a NamedTuple's default is no class attribute


def programs(definitions: list[Definition], environ: Mapping[str, str]) -> Iterator[Section]:
    """Of all sections that make a process, in supervisord's order. `environ`: supervisord's own environment."""
    groups = _groups(definitions)
    files = ProgramFiles()
    for found in definitions:
        if found.kind == LISTENER:
            yield Section(found, found.name, {}, {}, "it is an event listener, and stays as it is")
        elif found.kind in PROGRAM_KINDS:
            group = groups.get(found.name, found.name)
            try:
                written = files.options(found)
                options, variables = _expanded(found, written, group, environ, None)
                yield Section(found, group, options, variables, "", _held(written, {**environ, **variables}))
            except KeyError as error:
                yield Section(found, group, {}, {}, f"%({error.args[0]})s is only known to supervisord: write it out")
            except (ValueError, TypeError, configparser.Error) as error:
                yield Section(found, group, {}, {}, f"supervisord cannot read it: {error}")


def _held(written: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables whose values the options hold."""
    names = (name for option, text in written.items() if option != "environment" for name in VARIABLE.findall(text))
    return {name: environ[name] for name in names if name in environ}


def variable_names(definitions: list[Definition]) -> dict[str, set[str]]:
    """By group, the names of variables that its programs set. A program of ours has an environment file beside them,
    and is left out, as is one that cannot be read."""
    names: dict[str, set[str]] = {}
    groups = _groups(definitions)
    files = ProgramFiles()
    for found in definitions:
        if found.kind in PROGRAM_KINDS and not found.is_ours:
            with contextlib.suppress(NotReady, ValueError, configparser.Error):
                written = files.options(found).get("environment", "")
                names.setdefault(groups.get(found.name, found.name), set()).update(key_value_pairs(written))
    return names


def _groups(definitions: list[Definition]) -> dict[str, str]:
    """By program, the group that takes it in."""
    return {name: found.name for found in definitions if found.kind == "group" for name in found.programs}


def processes(definitions: list[Definition], group: str, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The options of each process that these files make in that group, one after the other; none where a file cannot
    be read. `process_name` is always among them."""
    with contextlib.suppress(NotReady, KeyError, ValueError, TypeError, configparser.Error):
        files = ProgramFiles()
        for found in definitions:
            if found.name == group and found.kind in PROGRAM_KINDS:
                written = files.options(found)
                count = int(_expanded(found, written, group, environ)[0].get("numprocs", "1"))
                for number in range(count):
                    yield {"process_name": group, **_expanded(found, written, group, environ, number)[0]}


class ProgramFiles:
    """What files say of programs, each file read once: some hold hundreds of programs."""

    def __init__(self) -> None:
        self._read: dict[str, dict[tuple[str, str], dict[str, str]]] = {}

    def options(self, found: Definition) -> dict[str, str]:
        """As they are written. Raises NotReady, KeyError."""
        if found.path not in self._read:
            parser = parse(found.path)
            self._read[found.path] = {name_of(section): dict(parser.items(section))
                                      for section in reversed(parser.sections())}       # of two the first counts
        return self._read[found.path][found.kind, found.name]


def _expanded(found: Definition, written: Mapping[str, str], group: str, environ: Mapping[str, str],
              number: int | None = 0) -> tuple[dict[str, str], dict[str, str]]:
    """The options and the variables of the process of that number, from 0. None: of all; the number of one of several
    stays as it is written."""
    here = os.path.dirname(found.path)
    written = {name: value.replace("%(here)s", here) for name, value in written.items()}
    expansions: dict[str, object] = {"here": here, "program_name": found.name, "group_name": group,
                                     "host_node_name": os.uname().nodename}
    expansions.update(("ENV_" + name, value) for name, value in environ.items())
    numbers = {name: int(written.get(name, default) % expansions)
               for name, default in (("numprocs", "1"), ("numprocs_start", "0"))}
    expansions.update(numprocs=numbers["numprocs"], process_num=numbers["numprocs_start"] + (number or 0))
    keeps_number = number is None and numbers["numprocs"] > 1

    def expand(text: str) -> str:
        whole = text % expansions
        return NUMBER.sub(_kept, text) % expansions if keeps_number else whole

    variables = key_value_pairs(expand(written.pop("environment", "")), "%" if keeps_number else "")
    expansions.update(("ENV_" + name, value) for name, value in variables.items())
    options = {name: expand(value) for name, value in written.items()}
    for name in ("stdout_logfile", "stderr_logfile"):
        if name in options:                 # these are expanded twice
            options[name] = expand(options[name])
    return options, variables


def _kept(match: re.Match[str]) -> str:
    """What an expansion leaves as it is."""
    return match[0] if match[0] == "%%" else "%" + match[0]


def key_value_pairs(text: str, wordchars: str = "") -> dict[str, str]:
    """The variables of an `environment=`. `wordchars`: further letters of a value without quotes. Raises ValueError."""
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():" + wordchars
    tokens = list(lexer)
    variables = {}
    for start in range(0, len(tokens), 4):
        pair = tokens[start:start + 3]
        if len(pair) != 3 or pair[1] != "=":
            raise ValueError("`environment` is no list of NAME=\"value\"")      # it may hold passwords
        variables[pair[0]] = pair[2].strip("'\"")
    return variables
