"""Finds supervisord and its configuration on a host that nobody has described."""

from __future__ import annotations

import contextlib
import glob
import os
from typing import Collection, Iterable, Mapping

from ..disk import files
from ..errors import NotReady
from ..quoting import for_sh
from ..system import processes
from ..system.accounts import login_name
from . import running_supervisords
from .program_sections import key_value_pairs
from .running_supervisords import is_supervisord
from .supervisord_conf import PACKAGED, SupervisordConf

HOME = "~/supervisord.conf"
OF_A_PROCESS = "SUPERVISOR_"        # begins the names of what supervisord tells each process of itself


def configuration(root: str | None, path: str | None) -> str:
    """The absolute path of a supervisord.conf that we may read: the one that was named, that of `root`, else one of the
    usual places, or of a supervisord that runs. Raises NotReady."""
    found = _configuration(root, path)
    if not os.access(found, os.R_OK):
        raise NotReady(f"{login_name()} cannot read {found}", f"log in as somebody who can: ls -l {for_sh(found)}")
    return found


def _configuration(root: str | None, path: str | None) -> str:
    home = os.path.expanduser("~")
    if path or root:
        named = os.path.normpath(os.path.join(home, os.path.expanduser(root or ""),
                                              os.path.expanduser(path or "supervisord.conf")))
        if not os.path.exists(named):
            raise NotReady(f"{named} does not exist", "name another: --supervisord-conf PATH, or --root PATH")
        return named
    usual = [*PACKAGED, os.path.expanduser(HOME), *(path for _, path in running_supervisords.found())]
    for candidate in usual:
        if os.path.isfile(candidate):
            return candidate
    raise NotReady(f"there is no supervisord.conf in {', '.join([*PACKAGED, HOME])}",
                   "name it: --supervisord-conf PATH, or its folder: --root PATH")


def process(conf: SupervisordConf) -> int | None:
    """The pid of the supervisord that runs with this configuration; None where none is found."""
    for pid, path in running_supervisords.found():
        if files.is_same_path(path, conf.path):
            return pid
    pidfile = conf.option("supervisord", "pidfile")
    with contextlib.suppress(OSError, ValueError):
        return int((files.read_bytes(os.path.join(conf.folder, pidfile or "")) or b"").strip())
    return None


def owner(pid: int | None, conf: SupervisordConf) -> int | None:
    """The uid that supervisord runs as, by its process or by its socket; None where neither is there."""
    for path in [f"/proc/{pid}", conf.socket()]:
        with contextlib.suppress(OSError):
            return os.stat(path).st_uid
    return None


def environment(pid: int | None, conf: SupervisordConf, env: Mapping[str, str],
                own: Mapping[str, Collection[str]]) -> dict[str, str]:
    """What supervisord passes on, and replaces for %(ENV_X)s, as far as it can be known: its own environment, or what
    programs that we may read have of it; that of the login, `env`, where it does not run; and what [supervisord] adds.

    `own`: by group, the names of variables that its programs set.
    """
    added = key_value_pairs(conf.option("supervisord", "environment") or "")
    if pid is None:
        return {**env, **added}
    return {**(processes.variables(pid) or _passed_on(pid, own)), **added}


def _passed_on(pid: int, own: Mapping[str, Collection[str]]) -> dict[str, str]:
    """What the programs of a supervisord have that none of them sets."""
    known: dict[str, str] = {}
    for child in processes.children(pid):
        has = processes.variables(child)
        group = has.get("SUPERVISOR_GROUP_NAME", "")
        if group in own:
            known.update({name: value for name, value in has.items()
                          if name not in own[group] and not name.startswith(OF_A_PROCESS)})
    return known


def started_by(pid: int) -> list[str]:
    """The words that start this supervisord anew, but for its options; [] where its command line does not say that."""
    return start_of(processes.command_line(pid))


def start_of(words: list[str]) -> list[str]:
    """Those of a command line that start supervisord from any folder and with any PATH."""
    for at, word in enumerate(words[:3]):
        if is_supervisord(word) and os.path.isabs(words[0]) and (os.path.isabs(word) or words[at - 1] == "-m"):
            return words[:at + 1]
    return []


def program_folders(patterns: Iterable[str], conf: SupervisordConf) -> dict[str, str]:
    """The folders from which supervisord reads a file of whatever name, with the ending that it has. `patterns`: what
    `conf` includes, as Configuration has it."""
    folders = [os.path.split(os.path.normpath(pattern)) for pattern in patterns]
    return {folder: conf.ending(folder) for folder, name in folders
            if os.path.splitext(name)[0] == "*" and not glob.has_magic(folder)}
