"""The supervisords that run on this host, by their command lines."""

from __future__ import annotations

import os
import re
from typing import Iterator

from ..system import processes

MODULE = "supervisor.supervisord"
# The option that names the configuration, in each form that supervisord takes, and what stands in the same word.
CONFIGURATION = re.compile("(?:-[knst]*c|--co[a-z]*(?:=|$))(.*)", re.DOTALL)


def found() -> Iterator[tuple[int, str]]:
    """The pid and the configuration of each supervisord that runs, as far as we may know."""
    for pid in processes.all_pids() if os.path.isdir("/proc") else ():
        words = processes.command_line(pid)
        script = next(filter(is_supervisord, words[:3]), None)
        path = _configuration_of(processes.cwd(pid), script, words) if script else ""
        if path:
            yield pid, os.path.normpath(path)


def is_supervisord(word: str) -> bool:
    """The program, the script of an interpreter, or its module."""
    return os.path.basename(word) in ("supervisord", MODULE)


def _configuration_of(folder: str, script: str, words: list[str]) -> str:
    """Absolute; empty where nobody can tell. `folder`: where it was started, empty where that is not known."""
    named = _named(words)
    if os.path.isabs(named) or not folder:
        return named if os.path.isabs(named) else ""
    paths = (os.path.join(folder, path) for path in _usual(script))
    return os.path.join(folder, named) if named else next(filter(os.path.exists, paths), "")


def _named(words: list[str]) -> str:
    """The configuration that the command line names; empty where it names none."""
    for word, following in zip(words, [*words[1:], ""]):
        option = CONFIGURATION.fullmatch(word)
        if option:
            return option[1] or following
    return ""


def _usual(script: str) -> list[str]:
    """Where it looks by itself, as supervisor/options.py has it: first beside the folder of its script."""
    beside = os.path.dirname(os.path.dirname(script))
    first = [] if script == MODULE else [os.path.join(beside, "etc/supervisord.conf"),
                                         os.path.join(beside, "supervisord.conf")]
    return [*first, "supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf",
            "/etc/supervisor/supervisord.conf"]
