"""The process table, read from /proc."""

from __future__ import annotations

import os
import signal
import time

TAG = "FABVISOR_DEPLOY"


def start_time(pid: int) -> int | None:
    """In clock ticks since boot: with the pid it names one process for ever. None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def alive(pid: object, start: object) -> bool:
    return isinstance(pid, int) and start is not None and start_time(pid) == start


def cwd(pid: object) -> str:
    """Where it stands; empty when that cannot be told."""
    return _link(f"{pid}/cwd")


def places() -> list[str]:
    """Where processes stand, and what they run, as far as we may know."""
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    return [_link(f"{pid}/{what}") for pid in pids for what in ("cwd", "exe")]


def end_group(pid: int) -> None:
    """SIGKILL to the whole process group that `pid` leads or led."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def working_in(directory: str, name: str) -> bool:
    """Whether a process of that name has its current folder there or below."""
    top = os.path.realpath(directory)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as file:
                found = file.read().rstrip("\n") == name
            if found and (os.readlink(f"/proc/{pid}/cwd") + os.sep).startswith(top + os.sep):
                return True
        except OSError:
            continue
    return False


def end_tagged(tag: str, timeout: float = 10) -> None:
    """End whatever the steps of a deploy left behind, even what moved to a session of its own.

    Steps carry the deploy's tag in their environment; supervisord's children do not.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = _tagged(f"{TAG}={tag}".encode())
        if not found or time.monotonic() > deadline:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        time.sleep(0.02)


def _link(name: str) -> str:
    try:
        return os.readlink("/proc/" + name)
    except OSError:
        return ""


def _tagged(entry: bytes) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if entry in file.read().split(b"\0") and start_time(int(name)) is not None:
                        found.append(int(name))
            except OSError:
                continue
    return found
