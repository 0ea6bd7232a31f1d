"""One kernel lock per service: gone the moment its holder dies, never inherited by a child."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import Any, Callable, ContextManager, Iterator, cast

from ..disk import files, json_lines
from ..errors import NotReady, TryAgain
from ..layout import Layout
from ..protocol import Holder
from ..quoting import for_sh
from ..system import processes

LOCKS = "/proc/locks"               # proc_locks(5)


class Held(Exception):
    """Another process holds the lock; `holder` is what it wrote into the file: by, since, commit, …"""

    def __init__(self, service: str, holder: Holder) -> None:
        super().__init__(service)
        self.service = service
        self.holder = holder


class Locks:
    """The locks this process holds, by service."""

    def __init__(self, layout: Layout, holder: dict[str, Any]) -> None:
        self._layout = layout
        self._holder = dict(holder, pid=os.getpid(), start=processes.start_time(os.getpid()))
        self._fds: dict[str, int] = {}

    def take(self, services: list[str]) -> None:
        """Take all of them, in name order, without waiting. Raises Held, and keeps none of them then."""
        taken: list[str] = []
        try:
            for service in sorted(set(services) - set(self._fds)):
                self._fds[service] = self._lock(service)
                taken.append(service)
        except BaseException:
            self._release(taken)
            raise
        self.describe()

    def describe(self, **more: Any) -> None:
        """Write into the lock files what others are told while we hold them."""
        self._holder.update(more)
        text = json.dumps(self._holder).encode() + b"\n"
        for service, fd in self._fds.items():
            os.lseek(fd, 0, os.SEEK_SET)
            files.write_all(fd, text, self._layout.lock_file(service))
            os.ftruncate(fd, len(text))

    def release(self) -> None:
        self._release(list(self._fds))

    def held(self) -> list[str]:
        return sorted(self._fds)

    def _lock(self, service: str) -> int:
        path = self._layout.lock_file(service)
        files.ensure_dir(os.path.dirname(path), 0o700)
        while True:
            with contextlib.ExitStack() as stack:
                fd = files.open_own(path, os.O_RDWR)
                stack.callback(os.close, fd)
                if not _try_lock(fd, path):
                    raise Held(service, _wait_for_holder(path))
                if _same_file(fd, path):
                    stack.pop_all()
                    return fd

    def _release(self, services: list[str]) -> None:
        for service in services:
            fd = self._fds.pop(service)
            os.ftruncate(fd, 0)
            os.close(fd)


def holder_of(layout: Layout, service: str) -> Holder:
    """Reads what the holder of the service's lock wrote into it; {} when nobody holds it. Changes nothing."""
    path = layout.lock_file(service)
    holder = _read(path)
    return holder if holder and _is_held(path, holder) else {}


def deploys(layout: Layout) -> set[str]:
    """The deploys that hold the lock of any service."""
    holders = (holder_of(layout, name) for name in os.listdir(layout.state))
    return {str(holder.get("deploy")) for holder in holders if holder}


def reload_lock(layout: Layout) -> ContextManager[None]:
    """Held while a program file is written, and supervisord reloads and replaces the group: supervisord is shared."""
    return waiting(layout.reload_lock, 60, lambda: None)


@contextlib.contextmanager
def waiting(path: str, seconds: float, check: Callable[[], None]) -> Iterator[None]:
    """Hold a lock on the file `path` for a moment. Raises TryAgain after `seconds`; `check` may raise earlier."""
    fd = files.open_own(path, os.O_RDWR)
    deadline = time.monotonic() + seconds
    try:
        while not _try_lock(fd, path):
            if time.monotonic() > deadline:
                raise TryAgain(f"{path} has been locked for {seconds:g} s",
                               "another deploy holds it: wait for it, then try again")
            check()
            time.sleep(0.02)
        yield
    finally:
        os.close(fd)


def _try_lock(fd: int, path: str) -> bool:
    """Whether the lock is ours now. Raises NotReady on a file system that has no locks (NFS without its lock daemon).

    An error other than "somebody holds it" never means that nobody does.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError as error:
        raise NotReady(f"{path} cannot be locked: {error.strerror}",
                       "`root` must lie on a file system with locks; see on the host which it is:"
                       f" findmnt -T {for_sh(path)}") from None


def _wait_for_holder(path: str) -> Holder:
    """The holder writes into the lock right after it took it: wait a moment for that."""
    deadline = time.monotonic() + 1
    while True:
        holder = _read(path)
        if _is_held(path, holder) or time.monotonic() > deadline:
            return holder
        time.sleep(0.01)


def _is_held(path: str, holder: Holder) -> bool:
    """Whether that process is there and holds it: by the kernel's list of locks where /proc hides it (hidepid)."""
    pid = holder.get("pid")
    if processes.alive(pid, holder.get("start")):
        return True
    locks = (line.split() for line in (files.read_bytes(LOCKS) or b"").decode().splitlines())
    with contextlib.suppress(OSError):
        inode = os.stat(path).st_ino
        return any(lock[1] == "FLOCK" and lock[4] == str(pid) and lock[5].endswith(f":{inode}") for lock in locks)
    return False


def _read(path: str) -> Holder:
    for holder in json_lines.read(path):
        return cast(Holder, holder)
    return {}


def _same_file(fd: int, path: str) -> bool:
    """False when the lock file was removed after we opened it and before we locked it."""
    try:
        return os.fstat(fd).st_ino == os.stat(path).st_ino
    except FileNotFoundError:
        return False
