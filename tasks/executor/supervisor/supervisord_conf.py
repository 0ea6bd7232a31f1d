"""Reads supervisord.conf, as far as a deploy depends on it."""

from __future__ import annotations

import configparser
import contextlib
import fnmatch
import functools
import glob
import os
import re
from typing import Mapping, NamedTuple

from ..errors import NotReady
from ..protocol import PROGRAM_HEADER
from . import quoted_text

# Where Debian and Red Hat put it, and the program files.
PACKAGED = {"/etc/supervisor/supervisord.conf": "/etc/supervisor/conf.d",
            "/etc/supervisord.conf": "/etc/supervisord.d"}
# By the folder of program files, which pip's supervisor does not have, the service of the package: started otherwise,
# supervisord would be none of systemd's.
PACKAGED_SERVICES = {"/etc/supervisor/conf.d": "supervisor", "/etc/supervisord.d": "supervisord"}
OWN_VENV = ".supervisor"             # beside supervisord.conf, where fab setup installs supervisor
USE_SUDO = "write in hosts.yaml, at the host: sudo: true"
# Sections that make a program; the second is one on whose socket supervisord listens.
PROGRAM_KINDS = ("program", "fcgi-program")
KINDS = (*PROGRAM_KINDS, "group", "eventlistener")
WILDCARDS = re.compile(r"\[[^]]+\]|[*?]")                       # as glob knows them
ABSOLUTE = re.compile(r"""(?:^|(?<=[\s='"]))/[^\s'"]+""")     # a path in a command


class Definition(NamedTuple):
    """A section of a configuration file that makes a group of processes. `programs`: those that a [group:x] takes in;
    `is_ours`: we wrote that file; then `command` is that of the program, as it is written. `paths` says where it
    belongs: its directory, or the absolute paths in its command."""

    path: str
    line: int
    kind: str
    name: str
    programs: tuple[str, ...] = ()
    is_ours: bool = False
    command: str = ""
    paths: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Configuration(NamedTuple):
    """The content of a supervisord.conf and of its included files. `include_line`: where [include] says `files`;
    None where there is no such section. `patterns`: absolute, one for each folder. `problems`: why supervisord cannot
    read a file of these; `hidden`: those of them that are ours alone, for the login user may not read the file."""

    path: str
    patterns: list[str]
    definitions: list[Definition]
    include_line: int | None
    problems: list[str] = []        # noqa: RUF012  a NamedTuple's default is no class attribute
    hidden: list[str] = []          # noqa: RUF012

    @property
    def folder(self) -> str:
        return os.path.dirname(self.path)

    @property
    def unreadable(self) -> list[str]:
        """Why supervisord itself cannot read files of these."""
        return [problem for problem in self.problems if problem not in self.hidden]

    def includes(self, path: str) -> bool:
        """Whether a file of that name is, or would be, read."""
        folder, name = os.path.split(path)
        return any(os.path.realpath(os.path.dirname(pattern)) == os.path.realpath(folder)
                   and fnmatch.fnmatchcase(name, os.path.basename(pattern)) for pattern in self.patterns)


class SupervisordConf:
    """The socket, the credentials and the included files that a supervisord.conf names."""

    def __init__(self, path: str, env: Mapping[str, str]) -> None:
        self.path = path
        self.env = env
        self.folder = os.path.dirname(path)
        self._expansions = {"here": self.folder, "host_node_name": os.uname().nodename}
        self._expansions.update(("ENV_" + name, value) for name, value in env.items())
        self._parser = parse(path)

    def socket(self) -> str:
        file = self.option("unix_http_server", "file") or ""
        url = self.option("supervisorctl", "serverurl") or ""
        if not file and url.startswith("unix://"):
            file = url[len("unix://"):]
        if not file:
            raise NotReady(f"{self.path} has no unix socket",
                           f"add to it: [unix_http_server] file={self.folder}/supervisor.sock")
        return os.path.join(self.folder, os.path.expanduser(file))

    def pidfile(self) -> str:
        file = self.option("supervisord", "pidfile") or "supervisord.pid"
        return os.path.join(self.folder, os.path.expanduser(file))

    def credentials(self) -> tuple[str, str] | None:
        """Those of supervisorctl where supervisord itself has the password's digest only."""
        for section in ("unix_http_server", "supervisorctl"):
            user, password = self.option(section, "username"), self.option(section, "password") or ""
            if user is not None and not password.startswith("{SHA}"):
                return user, password
        return None

    def patterns(self) -> list[str]:
        return [os.path.join(self.folder, pattern) for pattern in (self.option("include", "files") or "").split()]

    def ending(self, program_dir: str) -> str:
        """Of a program file, as the include pattern of its folder has it: conf.d/*.conf on Debian, supervisord.d/*.ini
        on Red Hat."""
        endings = [_ending(os.path.basename(pattern)) for pattern in self._folders()
                   if os.path.realpath(os.path.dirname(pattern)) == os.path.realpath(program_dir)]
        return endings[0] if endings and ".conf" not in endings else ".conf"

    def configuration(self) -> Configuration:
        """Each file is parsed once: a host may have many."""
        files = self._files()
        read = [read_file(path) for path in files]
        hidden = [problem for path, (_, problem) in zip(files, read)
                  if problem and os.path.exists(path) and not os.access(path, os.R_OK)]
        return Configuration(self.path, self._folders(), [each for definitions, _ in read for each in definitions],
                             self._include_line(), [problem for _, problem in read if problem], hidden)

    def _files(self) -> list[str]:
        """All that supervisord reads, in its order."""
        return [self.path, *(path for pattern in self.patterns() for path in sorted(glob.glob(pattern)))]

    def _include_line(self) -> int | None:
        lines = _lines(self.path)
        section = _lines_of_sections(lines).get("include")
        if section is None:
            return None
        return next((number for number, line in enumerate(lines[section:], section + 1)
                     if line.lower().startswith("files")), section)

    def _folders(self) -> list[str]:
        """The include patterns; those that have patterns in their folders, once for each folder that is there."""
        return [os.path.join(folder, os.path.basename(pattern)) for pattern in self.patterns()
                for folder in glob.glob(os.path.dirname(pattern)) or [os.path.dirname(pattern)]]

    def option(self, section: str, option: str) -> str | None:
        """Expanded; None where it is not written."""
        if not self._parser.has_option(section, option):
            return None
        text = self._parser.get(section, option)
        try:
            return text % self._expansions
        except (KeyError, ValueError, TypeError) as error:
            raise NotReady(f"{self.path}: [{section}] {option}={text} cannot be expanded: {error}",
                           "write out in that file what it stands for; or, without sudo, set the variable in the login"
                           " environment of the host's user") from None


def _ending(pattern: str) -> str:
    """What a name ends with that the pattern takes in, the usual ending before what is peculiar to it."""
    begin, *_ = WILDCARDS.split(pattern)
    *_, end = WILDCARDS.split(pattern)
    usual = os.path.splitext(pattern)[1]
    for ending in (usual, ".conf", ".ini", end):
        if not WILDCARDS.search(ending) and fnmatch.fnmatchcase(f"{begin}x{ending}", pattern):
            return ending
    return ".conf" if WILDCARDS.search(usual) else usual


def read_file(path: str) -> tuple[list[Definition], str]:
    """The definitions of one file, and why supervisord cannot read it, or ""."""
    try:
        return _definitions(path, parse(path)), f"{path} is not UTF-8" if _is_undecodable(path) else ""
    except NotReady as error:
        return [], error.message


def _definitions(path: str, parser: configparser.RawConfigParser) -> list[Definition]:
    """As supervisor's own parser reads them: [program: x] is the program x."""
    lines = _lines(path)
    numbers = _lines_of_sections(lines)
    is_ours = lines[:1] != [] and lines[0].startswith(PROGRAM_HEADER)
    read = []
    for section in parser.sections():
        kind, name = name_of(section)
        if kind in KINDS:
            programs = parser.get(section, "programs", fallback="") if kind == "group" else ""
            command = parser.get(section, "command", fallback="")
            paths = _paths(parser.get(section, "directory", fallback=""), command, path)
            read.append(Definition(path, numbers.get(section, 1), kind, name,
                                   tuple(program.strip() for program in programs.split(",")), is_ours,
                                   command if is_ours else "", paths))
    return read


def _paths(directory: str, command: str, path: str) -> tuple[str, ...]:
    here = os.path.dirname(path)
    named = [directory] if directory else ABSOLUTE.findall(command)
    return tuple(each.replace("%(here)s", here).replace("%%", "%") for each in named)


def name_of(section: str) -> tuple[str, str]:
    """The kind and the name that [program: x] gives. The name is empty where it gives none."""
    kind, _, name = section.partition(":")
    return kind, name.strip()


def options(text: str, program: str) -> Mapping[str, str] | None:
    """The options of a program, as written; None where there is no such section."""
    return _programs(text).get(program)


def of_process(value: str, number: str) -> str:
    """A value of our program file as supervisord reads it for the process with that number."""
    return value.replace("%(process_num)d", number).replace("%%", "%")


def programs_in(text: str) -> list[str]:
    """The names of the programs of a configuration file; [] where it cannot be parsed."""
    return list(_programs(text))


def written(text: str, option: str) -> str:
    """The option's value in the first program that has it; empty where none has. A parser would take a millisecond."""
    found = re.search(rf"(?m)^{option}\s*[=:]\s*(.*?)(?:\s;.*)?\s*$", text)
    return found[1] if found else ""


@functools.lru_cache(maxsize=None)
def _programs(text: str) -> Mapping[str, Mapping[str, str]]:
    """A deploy asks seven times, of two texts."""
    parser = _parser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    named = ((section, *name_of(section)) for section in parser.sections())
    return {name: dict(parser.items(section)) for section, kind, name in named if kind in PROGRAM_KINDS}


def _packaged_hint() -> str:
    """The lines of hosts.yaml to write where the supervisord of a package is there."""
    for path, usual in PACKAGED.items():
        if os.path.exists(path):
            folders = [usual]
            with contextlib.suppress(NotReady, OSError):
                folders = [os.path.dirname(pattern) for pattern in SupervisordConf(path, {}).patterns()] or folders
            return f"write in hosts.yaml, at the host:\nsudo: true\nsupervisord_conf: {path}\nprogram_dir: {folders[0]}"
    return "make one: fab setup; or correct `root` or `supervisord_conf` in hosts.yaml"


def _lines_of_sections(lines: list[str]) -> dict[str, int]:
    """By section as written, the number of its first line."""
    numbers: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if line.strip().startswith("["):
            numbers.setdefault(line.strip()[1:].partition("]")[0], number)
    return numbers


def _parser() -> configparser.RawConfigParser:
    """As supervisor/options.py `UnhosedConfigParser`."""
    return configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)


def parse(path: str) -> configparser.RawConfigParser:
    """As supervisor's own parser reads a file. Raises NotReady."""
    parser = _parser()
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            parser.read_file(file)
    except FileNotFoundError:
        raise NotReady(f"{path} does not exist", _packaged_hint()) from None
    except PermissionError as error:
        raise NotReady(f"cannot read {path}: {error.strerror}", USE_SUDO) from None
    except OSError as error:
        raise NotReady(f"cannot read {path}: {error.strerror}", "correct `supervisord_conf` in hosts.yaml") from None
    except configparser.Error as error:
        why = quoted_text.hide(str(error)).replace("\n", " ")
        raise NotReady(f"{path} cannot be parsed: {why}", "correct it") from None
    return parser


def _is_undecodable(path: str) -> bool:
    """supervisord says only at which byte, of whichever file that is."""
    with open(path, "rb") as file:
        try:
            file.read().decode()
            return False
        except UnicodeDecodeError:
            return True


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []
