"""Processes that a supervisord started, and that go on without it. It marks the environment of whatever it starts, and
makes each program the leader of a process group."""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Container, Iterable, Iterator, NamedTuple

from ..disk.containment import is_inside
from . import processes

ENDS_WITHIN = 5.0                   # seconds, after SIGTERM
GONE_WITHIN = 1.0                   # seconds, after SIGKILL
MOMENT = 1.0                        # seconds; users are told of longer waits
POLL = 0.01                         # seconds
GROUP, SERVER = "SUPERVISOR_GROUP_NAME", "SUPERVISOR_SERVER_URL"


class Leftover(NamedTuple):
    """`name`: of the program; `since`: seconds since 1970; `server`: the URL of its supervisord, if it is known."""

    pid: int
    name: str
    since: float
    server: str = ""


def leftovers(socket: str, supervised: Container[int] = ()) -> list[Leftover]:
    """Those of the supervisord of that socket, but for the pids that it supervises and what is below them; as far as we
    may know: another user's environment is closed to us."""
    return [each for each in _started() if _is_socket(each.server, socket) and not _is_below(each.pid, supervised)]


def of_earlier_server(socket: str, names: Container[str], daemon: int) -> list[Leftover]:
    """The programs of these names that were started at that socket before its supervisord of now (`daemon`: its pid),
    which does not know them. A daemon that such a program started leads a session of its own, and is none."""
    fields = processes.stat(daemon)
    begun = _wall_time(int(fields[19])) if fields else 0.0
    return [each for each in leftovers(socket, (daemon,))
            if each.name in names and each.since < begun and _is_leader(each.pid) and not _leads_session(each.pid)]


def of_other_servers(socket: str, names: Container[str], directory: str) -> list[Leftover]:
    """The programs of these names that run in the directory or below it, and that another supervisord started than that
    of the socket; as far as we may know."""
    return [each for each in _started() if each.name in names and each.server and not _is_socket(each.server, socket)
            and _is_leader(each.pid) and is_inside(processes.cwd(each.pid), directory)]


def _started() -> Iterator[Leftover]:
    """All that any supervisord started, and what that started."""
    for pid in processes.with_variable(GROUP):
        marks = processes.variables(pid)
        fields = processes.stat(pid)
        if fields and GROUP in marks:
            yield Leftover(pid, marks[GROUP], _wall_time(int(fields[19])), marks.get(SERVER, ""))


def _is_leader(pid: int) -> bool:
    """Whether it leads a process group, as each program does."""
    fields = processes.stat(pid)
    return fields is not None and int(fields[2]) == pid


def _leads_session(pid: int) -> bool:
    fields = processes.stat(pid)
    return fields is not None and int(fields[3]) == pid


def in_groups(leaders: Iterable[int]) -> list[Leftover]:
    """What lives on in the process groups of these leaders, which ended. Its name is that of its command.

    The kernel gives the pid of a leader to no other process while its group has members.
    """
    groups = {leader for leader in leaders if _has_group(leader) and not processes.stat(leader)}
    left = []
    for pid in processes.all_pids() if groups else []:
        fields = processes.stat(pid)
        if fields and int(fields[2]) in groups:
            left.append(Leftover(pid, processes.command_name(pid), _wall_time(int(fields[19]))))
    return left


def end(left: list[Leftover], tell_wait: Callable[[], None]) -> list[Leftover]:
    """SIGTERM; SIGKILL to those that live on. Returns those of other users, which we may not signal.

    `tell_wait` is called once, when that takes longer than a moment. Nothing interrupts it: nobody would know these
    processes later.
    """
    ours = [process for process in left if _signal(process, signal.SIGTERM)]
    if not _ended(ours, min(MOMENT, ENDS_WITHIN)):
        tell_wait()
        if not _ended(ours, ENDS_WITHIN - MOMENT):
            for process in ours:
                if processes.stat(process.pid):
                    _signal(process, signal.SIGKILL)
            _ended(ours, GONE_WITHIN)
    return [process for process in left if process not in ours]


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


def _has_group(leader: int) -> bool:
    """Whether a process group has any member; without a look at all processes."""
    if leader <= 1:
        return False                # 0 is our own group
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass                        # of another user
    return True


def _ended(left: list[Leftover], seconds: float) -> bool:
    """Wait for all of them to end, at most so long; returns whether they did."""
    deadline = time.monotonic() + seconds
    while any(processes.stat(process.pid) for process in left):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def _signal(process: Leftover, number: int) -> bool:
    """Whether we may signal it."""
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    return True


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
