"""The supervisords that run on this host, by their command lines."""

from __future__ import annotations

import os
from typing import Iterator

from ..system import processes
from .supervisord_conf import PACKAGED


def found() -> Iterator[tuple[int, str]]:
    """The pid and the configuration of each supervisord that runs, as far as we may know."""
    for pid in processes.all_pids() if os.path.isdir("/proc") else ():
        words = processes.command_line(pid)
        path = _configuration_of(pid, words) if any(map(is_supervisord, words[:3])) else ""
        if path:
            yield pid, os.path.normpath(path)


def _configuration_of(pid: int, words: list[str]) -> str:
    """Absolute; empty where nobody can tell."""
    named = _named(words)
    folder = processes.cwd(pid)
    if os.path.isabs(named) or not folder:
        return named if os.path.isabs(named) else ""
    # Where it looks for one by itself: supervisor/options.py `default_configfile`.
    usual = [*(os.path.join(folder, name) for name in ("supervisord.conf", "etc/supervisord.conf")), *PACKAGED]
    return os.path.join(folder, named) if named else next(filter(os.path.exists, usual), "")


def _named(words: list[str]) -> str:
    """What stands behind -c, in each form that supervisord takes; empty where nothing does."""
    for word, following in zip(words, [*words[1:], ""]):
        if word in ("-c", "--configuration"):
            return following
        for option in ("--configuration=", "-c"):
            if word.startswith(option):
                return word[len(option):]
    return ""


def is_supervisord(word: str) -> bool:
    """The program, the script of an interpreter, or its module."""
    return os.path.basename(word) in ("supervisord", "supervisor.supervisord")
