"""Processes that a supervisord started, and that go on without it. It marks the environment of whatever it starts."""

from __future__ import annotations

import os
import signal
import time
from typing import Container, NamedTuple

from . import processes

ENDS_WITHIN = 5.0                   # seconds, after SIGTERM
POLL = 0.05                         # seconds
GROUP, SERVER = "SUPERVISOR_GROUP_NAME", "SUPERVISOR_SERVER_URL"


class Leftover(NamedTuple):
    """`name`: of the program; `since`: seconds since 1970."""

    pid: int
    name: str
    since: float


def leftovers(socket: str, supervised: Container[int] = ()) -> list[Leftover]:
    """Those of the supervisord of that socket, but for the pids that it supervises and what is below them; as far as we
    may know: another user's environment is closed to us."""
    found = []
    for pid in processes.all_pids():
        marks, fields = processes.variables(pid), processes.stat(pid)
        url = marks.get(SERVER, "")
        if fields and GROUP in marks and _is_socket(url, socket) and not _is_below(pid, supervised):
            found.append(Leftover(pid, marks[GROUP], _wall_time(int(fields[19]))))
    return found


def end(left: list[Leftover]) -> None:
    """SIGTERM; SIGKILL to those that live on."""
    _signal(left, signal.SIGTERM)
    deadline = time.monotonic() + ENDS_WITHIN
    while time.monotonic() < deadline and any(processes.stat(one.pid) for one in left):
        time.sleep(POLL)
    _signal([one for one in left if processes.stat(one.pid)], signal.SIGKILL)


def in_words(left: list[Leftover]) -> str:
    return ", ".join(f"{one.name} (pid {one.pid})" for one in left)


def _is_socket(url: str, socket: str) -> bool:
    path = url[len("unix://"):] if url.startswith("unix://") else ""
    return bool(path) and os.path.realpath(path) == os.path.realpath(socket)


def _is_below(pid: int, ancestors: Container[int]) -> bool:
    while pid > 1:
        if pid in ancestors:
            return True
        fields = processes.stat(pid)
        pid = int(fields[1]) if fields else 0
    return False


def _wall_time(ticks: int) -> float:
    with open("/proc/uptime") as file:
        up = float(file.read().split()[0])
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


def _signal(left: list[Leftover], number: int) -> None:
    for one in left:
        try:
            os.kill(one.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def daemon(pidfile: str) -> int | None:
    """The pid of the supervisord that wrote this file, where it lives."""
    try:
        with open(pidfile) as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            is_supervisord = b"supervisord" in file.read()
    except (OSError, ValueError):
        return None
    return pid if is_supervisord and processes.stat(pid) else None
