"""Finds and ends the processes of the sandbox."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ..executor.system.processes import alive, all_pids, has_variable, start_time, stat

__all__ = ["MARK", "alive", "belonging", "boot", "end_all", "start_time"]

MARK = "FABVISOR_SANDBOX"


def boot() -> str:
    """The id of this boot: a process id and its start time name a process only until the next one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def belonging(mark: str) -> dict[int, int]:
    """Process ids and start times: of each process with the mark in its environment, and of its descendants."""
    started: dict[int, int] = {}
    parents: dict[int, int] = {}
    ours: set[int] = set()
    for pid in all_pids():
        fields = stat(pid)
        if fields is not None:
            parents[pid] = int(fields[1])
            started[pid] = int(fields[19])
            if has_variable(pid, MARK, mark):
                ours.add(pid)
    children = set(ours)
    while children:
        children = {pid for pid, parent in parents.items() if parent in children} - ours
        ours |= children
    return {pid: started[pid] for pid in ours - {os.getpid()}}


def end_all(mark: str, timeout: float = 5) -> bool:
    """End all processes of the mark, and wait for their end. False when there were none.

    Those without a parent among them get SIGTERM: so the server ends its supervisords, and a supervisord its
    programs, in order. After `timeout` seconds all that are left get SIGKILL.
    """
    deadline = time.monotonic() + timeout
    asked: set[int] = set()
    first = ours = belonging(mark)
    while ours:
        late = time.monotonic() > deadline
        for pid, started in ours.items():
            if late:
                _signal(pid, started, signal.SIGKILL)
            elif pid not in asked and _parent(pid) not in ours:
                asked.add(pid)
                _signal(pid, started, signal.SIGTERM)
        time.sleep(0.05)                    # each look reads all of /proc
        # A process stays ours: without its parent and its environment, nothing would show that it is.
        ours = {pid: started for pid, started in {**ours, **belonging(mark)}.items() if alive(pid, started)}
    return bool(first)


def _signal(pid: int, started: int, number: int) -> None:
    if alive(pid, started):
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def _parent(pid: int) -> int:
    fields = stat(pid)
    return 0 if fields is None else int(fields[1])
