"""Ends and removes what the tests start and write, even when SIGKILL ends the tests. It is a process of its own.

A process belongs to a folder (a random name) that is in its command line or environment, or that it stands in
without a terminal: a developer's own shell may stand there, too.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

PATIENCE = 10           # seconds
USER = b"user "


def watch(folder: Path) -> None:
    """clear() it when this process is over."""
    _tell(os.fsencode(folder))


def watch_user(name: str) -> None:
    """clear_user() it when this process is over."""
    _tell(USER + name.encode())


def _tell(line: bytes) -> None:
    pipe = _guard().stdin
    assert pipe is not None
    pipe.write(line + b"\n")
    pipe.flush()


def clear(folder: Path) -> None:
    """End what belongs to it, unmount what is mounted in it, and remove it."""
    _kill(lambda: belonging(folder))
    for mount in _mounts(folder):
        subprocess.run(["umount", "--lazy", mount], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)


def clear_user(name: str) -> None:
    """End the processes of a user that a test made, and remove the account."""
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    _kill(lambda: _processes_of(uid))
    change_users(["userdel", "--remove", "--force", name], check=False)


def _kill(processes: Callable[[], Collection[int]]) -> None:
    """Until there are none, for as long as PATIENCE lasts: one that forks would leave a child behind."""
    deadline = time.monotonic() + PATIENCE
    while (pids := processes()) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def change_users(command: list[str], check: bool = True, stdin: str = "") -> None:
    """useradd and userdel give up at once while another one works: one at a time on this machine."""
    with open("/run/lock/fabvisor-test-users", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(command, check=check, capture_output=True, input=stdin.encode())


def _processes_of(uid: int) -> list[int]:
    pids = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == uid:
                pids.append(int(name))
    return pids


def belonging(folder: Path) -> set[int]:
    """Pids; never of this process or the one that started it."""
    pids = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid(), os.getppid()}
    return {pid for pid in pids if _names(pid, os.fsencode(folder)) or _stands_in(pid, folder)}


def _names(pid: int, folder: bytes) -> bool:
    with suppress(OSError):
        return any(folder in Path(f"/proc/{pid}/{file}").read_bytes() for file in ("cmdline", "environ"))
    return False


def _stands_in(pid: int, folder: Path) -> bool:
    with suppress(OSError):
        terminal = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[4]
        return terminal == "0" and Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    return False


def _mounts(folder: Path) -> list[str]:
    with suppress(OSError):
        points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        return [point for point in points if Path(point).is_relative_to(folder)]
    return []


@functools.cache
def _guard() -> subprocess.Popen[bytes]:
    """Its standard input ends with this process; Ctrl-C does not reach it."""
    guard = subprocess.Popen([sys.executable, "-E", "-s", "-S", __file__], cwd="/", stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    atexit.register(guard.communicate)
    return guard


def _main() -> None:
    for folder in dict.fromkeys(sys.stdin.buffer.read().splitlines()):
        if folder.startswith(USER):
            clear_user(folder[len(USER):].decode())
        elif os.path.isdir(folder):
            clear(Path(os.fsdecode(folder)))


if __name__ == "__main__":
    _main()
