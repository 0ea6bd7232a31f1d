"""The sandbox's processes, read from /proc: which live, which belong to it, and how they are ended."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

MARK = "FABVISOR_SANDBOX"


def boot() -> str:
    """A process id and its start time name one process only until the next boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """In clock ticks since boot; None when it is gone."""
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


def alive(pid: int, started: int) -> bool:
    return start_time(pid) == started


def belonging(mark: str) -> dict[int, int]:
    """Process ids and start times of whatever carries the mark in its environment, and of its descendants."""
    started: dict[int, int] = {}
    parents: dict[int, int] = {}
    ours: set[int] = set()
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        fields = _stat(pid)
        if fields is not None:
            parents[pid], started[pid] = int(fields[1]), int(fields[19])
            if _marked(pid, mark):
                ours.add(pid)
    found = set(ours)
    while found:
        found = {pid for pid, parent in parents.items() if parent in found} - ours
        ours |= found
    return {pid: started[pid] for pid in ours - {os.getpid()}}


def end_all(mark: str, patience: float = 5) -> bool:
    """End all that belongs to the mark, and wait until it is gone. False when there was nothing.

    SIGTERM goes to each process that no other of them looks after: so the server ends its supervisords,
    and a supervisord its programs, in order. After `patience` seconds SIGKILL goes to all.
    """
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    found = ours = belonging(mark)
    while ours:
        late = time.monotonic() > deadline
        for pid, started in ours.items():
            if late:
                _signal(pid, started, signal.SIGKILL)
            elif pid not in asked and _parent(pid) not in ours:
                asked.add(pid)
                _signal(pid, started, signal.SIGTERM)
        time.sleep(0.01)
        # What was once found stays known: without its parent, a program that drops its environment is a stranger.
        ours = {pid: started for pid, started in {**ours, **belonging(mark)}.items() if alive(pid, started)}
    return bool(found)


def _signal(pid: int, started: int, number: int) -> None:
    if alive(pid, started):
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def _marked(pid: int, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return 0 if fields is None else int(fields[1])


def _stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the state on; None for what is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if not fields or fields[0] in (b"Z", b"X") else fields
