"""Reads and writes files. What must survive a power cut is written aside, synced, renamed, and the folder synced."""

from __future__ import annotations

import contextlib
import os
from typing import Sequence

from ..digests import sha256
from ..protocol import ASIDE


def open_own(path: str, flags: int, mode: int = 0o600) -> int:
    """Open a file of ours for writing, and make it where it is missing. Raises OSError (ELOOP) where it is a link."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def ensure_dir(path: str, mode: int = 0o755) -> None:
    """Make the folder, and those above it, and sync them: files in a folder that is lost are lost, too."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    ensure_dir(parent)
    with contextlib.suppress(FileExistsError):      # another deploy was quicker
        os.mkdir(path, mode)
    sync_dir(parent)


def existing_parent(path: str) -> str:
    """The lowest folder above `path` that is there."""
    while not os.path.isdir(path := os.path.dirname(path)):
        pass
    return path


def parents(path: str) -> list[str]:
    """`a` and `a/b` of `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[:index]) for index in range(1, len(parts))]


def sync_dir(path: str) -> None:
    """Sync the entries of a folder: names, renames and removals."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: str, data: bytes, mode: int = 0o600, owner: int = -1,
                 readers: Sequence[int] = ()) -> None:
    """Replace a file: it has the old content or the new, never a mixture, and is never readable beyond `mode`.

    `owner`: a uid, which only root can give; -1: the user's own. `readers`: uids that may read it, too.
    The name aside begins with a dot, so that no include pattern of supervisord.conf matches it.
    """
    aside = aside_of(path)
    try:
        write_synced(aside, data, mode, owner, readers)
        os.replace(aside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise
    sync_dir(os.path.dirname(path))


def aside_of(path: str) -> str:
    """Where write_atomic() writes first."""
    folder, name = os.path.split(path)
    return os.path.join(folder, "." + name + ASIDE)


def read_bytes(path: str) -> bytes | None:
    """None where there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def read_text(path: str) -> str:
    """Empty where there is no such file. Bytes that are no UTF-8 become such characters as encode() takes back."""
    return (read_bytes(path) or b"").decode("utf-8", "surrogateescape")


def owner_of(path: str) -> int:
    """Its uid; -1 where there is no such file, or where only root could give it to somebody."""
    try:
        return os.stat(path).st_uid if os.geteuid() == 0 else -1
    except OSError:
        return -1


def digest(path: str) -> str | None:
    """SHA-256 of the content; None where there is no such file."""
    data = read_bytes(path)
    return None if data is None else sha256(data)


def remove(path: str) -> None:
    """Remove the file, if it is there, and sync its folder."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync_dir(os.path.dirname(path))


def remove_whole(path: str) -> None:
    """Remove what lies there: a file, a link, or a folder with all that is in it."""
    import shutil  # sudo's helper does without it

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def is_same_path(path: str, other: str) -> bool:
    """Whether both lead to the same file, through whatever links."""
    return os.path.realpath(path) == os.path.realpath(other)


def is_own(path: str) -> bool:
    """Whether it is the user's; no link is followed. Not so where it is missing, or a folder above it is closed."""
    with contextlib.suppress(OSError):
        return os.lstat(path).st_uid == os.geteuid()
    return False


def size_of(path: str) -> int:
    """In bytes; 0 where there is no such file."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def write_synced(path: str, data: bytes, mode: int = 0o600, owner: int = -1, readers: Sequence[int] = ()) -> None:
    """Write a file anew, with what write_atomic() takes; for what nobody reads before the folder is synced, too."""
    fd = _open_new(path, mode)
    try:
        os.fchmod(fd, mode)
        if owner != -1:
            os.fchown(fd, owner, -1)
        if readers:
            from . import access_list  # most programs run as the login user

            access_list.let_read(fd, readers)
        write_all(fd, data, path)
        os.fsync(fd)
    finally:
        os.close(fd)


def shorten(path: str, size: int) -> None:
    """Take away what lies beyond `size` bytes: that is possible on a full disk, too."""
    fd = open_own(path, os.O_WRONLY)
    try:
        os.ftruncate(fd, size)
        os.fsync(fd)
    finally:
        os.close(fd)


def _open_new(path: str, mode: int) -> int:
    """A file that was not there: what a power cut left, or somebody put there, is removed, never written to."""
    try:
        return open_own(path, os.O_WRONLY | os.O_EXCL, mode)
    except FileExistsError:
        os.unlink(path)
        return open_own(path, os.O_WRONLY | os.O_EXCL, mode)


def write_all(fd: int, data: bytes, path: str) -> None:
    """`path`: for an error, whose file it would not name."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view):]
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None
