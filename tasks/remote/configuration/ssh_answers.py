"""Asks `ssh -G` once for all hosts that the ssh configuration does not tell apart: each time costs a process.

Hosts are alike when the same `Host` lines match their names. Where a configuration decides by more than that (Match,
names made canonical, %-tokens of the host), each host is asked for by itself.
"""

from __future__ import annotations

import glob
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from ..._errors import Mistake
from ..._user_folders import home
from ...inventory.model import Host
from .patterns import glob_matches
from .ssh_options import Options, ask
from .ssh_tokens import from_home

LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*")
# `ssh -G` leaves their %-tokens as they are; in a pattern of a `Host` line % is a character.
RAW = ("proxycommand", "identityfile", "controlpath", "host")
DEPTH = 16                                  # of Include, as in ssh

Pattern = tuple[str, ...]                   # of a `Host` line
Group = tuple[object, ...]


class SshAnswers:
    """Called like ask(); for the length of one command. Threads that ask for the same wait for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[Group, threading.Lock] = {}
        self._answers: dict[Group, tuple[Host, Options | Mistake]] = {}     # to the first host of each group

    def __call__(self, host: Host) -> Options:
        return self._options(host, keep=False)

    def kept(self, host: Host) -> Options:
        """The same, and who asks next gets this answer, too."""
        return self._options(host, keep=True)

    def _options(self, host: Host, keep: bool) -> Options:
        first, answer = self._answer(host, keep)
        if isinstance(answer, Mistake):
            if host == first:
                raise answer
        elif host == first:
            return answer
        elif answer.get("hostname") == [_address(first)]:   # else a `HostName` line gives each its own
            return {**answer, "hostname": [_address(host)], **({"port": [str(host.port)]} if host.port else {})}
        return ask(host)

    def _answer(self, host: Host, keep: bool) -> tuple[Host, Options | Mistake]:
        """To it, or to one of its group. What `Match exec` decides may be another thing when a lost host is connected
        again: such an answer is kept for the first who needs it, with `keep`."""
        shared = _group(host)
        group = shared or (host.name, host.user, host.port, host.address)
        with self._lock:
            asking = self._asking.setdefault(group, threading.Lock())
        with asking:
            answer = self._answers.pop(group, None) or (host, _asked(host))
            if shared or keep:
                self._answers[group] = answer
        return answer


def _asked(host: Host) -> Options | Mistake:
    try:
        return ask(host)
    except Mistake as error:
        return error


def _address(host: Host) -> str:
    return (host.address or host.name).lower()


def _group(host: Host) -> Group | None:
    """Hosts of one group get the same answer but for their own address, and the port of hosts.yaml. None: nobody knows
    without asking."""
    try:
        patterns = [pattern for path in (home() / ".ssh/config", Path("/etc/ssh/ssh_config")) if path.is_file()
                    for pattern in _patterns(path, path.parent)]
    except (_TellsMore, OSError):
        return None
    return (host.user, host.port is None, host.address is None, *(_matches(pattern, host.name) for pattern in patterns))


class _TellsMore(Exception):
    """The configuration decides by more than `Host` lines."""


def _patterns(path: Path, folder: Path, depth: int = 0) -> Iterator[Pattern]:
    """The `Host` lines of a file and of those that it includes; a relative name is one in `folder`."""
    if depth > DEPTH:
        raise _TellsMore
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        match = LINE.fullmatch(line)
        if match is None:
            continue
        keyword, value = match[1].lower(), match[2]
        if keyword in ("match", "canonicalizehostname") or ("%" in value and keyword not in RAW):
            raise _TellsMore
        if keyword in ("host", "include") and re.search(r"""["'\\$#]|~(?!/)""", value):
            raise _TellsMore
        if keyword == "host":
            yield tuple(value.split())
        elif keyword == "include":
            for name in value.split():
                for included in sorted(glob.glob(str(folder / from_home(name)))):
                    yield from _patterns(Path(included), folder, depth + 1)


def _matches(pattern: Pattern, name: str) -> bool:
    """A negated word that matches wins over all others."""
    words = [word for word in pattern if glob_matches(word.removeprefix("!"), name)]
    return bool(words) and not any(word.startswith("!") for word in words)
