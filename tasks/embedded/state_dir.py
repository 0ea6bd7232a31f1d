"""The folder of a checkout's sandbox, and its lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._errors import NotReady
from .._temporary_folder import temporary_folder
from ..program.quoting import for_sh

# A unix socket's path ends at 107 bytes; below the sandbox come /web1/root/supervisor.sock and,
# while supervisord makes it, a dot and a process id.
LONGEST = 70


def state_of(checkout: Path) -> Path:
    """The sandbox's folder: private, with a short path, and a different one for each checkout."""
    digest = hashlib.sha256(os.fsencode(checkout.resolve())).hexdigest()[:10]
    name = f"fabvisor-{os.getuid()}-{digest}"
    path = temporary_folder().resolve() / name
    return path if len(os.fsencode(path)) <= LONGEST else Path("/tmp", name)


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Make the folder where it is missing, and hold the lock on it. Raises NotReady where it is not ours."""
    while True:
        descriptor = _open_private(state)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # The holder before us may have removed the folder: then this lock is worth nothing.
            if _same(descriptor, state):
                yield
                return
        finally:
            os.close(descriptor)


def check_private(state: Path) -> None:
    """Others can write to the temporary folder: a folder of our name there may be a trap."""
    status = os.lstat(state)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise NotReady(f"{state} is not a private folder of yours, so the sandbox cannot use it",
                       f"look at it (ls -ld {for_sh(str(state))}), and remove it or set TMPDIR to a folder of your own")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, atomically."""
    aside = path.with_name(f".{path.name}.new")
    aside.touch(mode=0o600)
    aside.write_text(text)
    aside.replace(path)


def _open_private(state: Path) -> int:
    while True:
        try:
            state.mkdir(mode=0o700)
        except FileExistsError:
            pass
        try:
            check_private(state)
            return os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False
