"""The home folder of ssh, and the %-tokens of ssh_config(5) that `ssh -G` leaves as written."""

from __future__ import annotations

import os
import pwd
import re
import socket
from pathlib import Path

from ..._user_folders import home

TOKEN = re.compile(r"%(.)|\$\{(\w+)\}")


def database_home() -> Path | None:
    """The home folder that ssh takes for `~`; None for a user without an entry."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def from_home(path: str) -> Path:
    """`~/` is $HOME."""
    return home() / path[2:] if path.startswith("~/") else Path(path)


def begins_as_path(value: str) -> bool:
    """Whether the value of a variable is the path of a file, which may be missing; else it may be the content."""
    return value.startswith(("/", "~/", "./", "../")) and len(value.splitlines()) == 1


def expand(text: str, tokens: dict[str, str], paths: bool = True) -> str:
    """Replaces %x and, in `paths`, ${NAME} and a leading ~/. Tokens we do not know stay as they are."""
    def value(match: re.Match[str]) -> str:
        token, variable = match.groups()
        if variable is not None:
            return os.environ.get(variable, match[0]) if paths else match[0]
        known = {"%": "%", "d": str(home()), "i": str(os.getuid()), "l": socket.gethostname(),
                 "L": socket.gethostname().partition(".")[0], "u": os.environ.get("USER", ""), **tokens}
        return known.get(token, match[0])

    expanded = TOKEN.sub(value, text)
    return str(from_home(expanded)) if paths else expanded
