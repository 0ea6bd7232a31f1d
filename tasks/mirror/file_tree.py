"""The files of a folder as git can hold them: regular files with their executable bit, and links as they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

EXECUTABLE, PLAIN, LINK = "100755", "100644", "120000"
GIT = ".git"                            # git takes none of that name, however it is written
ATTRIBUTES = ".gitattributes"           # by them, git on hosts would write other files than these


class Unfit(Exception):
    """Something that git cannot hold: `path`, below the folder, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


class Entry(NamedTuple):
    """`path`: below the folder, with slashes; `mode`: git's; `size`: bytes."""

    path: str
    mode: str
    size: int


def entries(folder: Path, paths: Iterable[str] = ("",)) -> list[Entry]:
    """The files at these paths below the folder, sorted; all of them for the empty path. Not GIT, not ATTRIBUTES, no
    empty folders.

    Raises Unfit, also for a path where nothing lies.
    """
    return sorted({entry for path in paths for entry in _below(folder, path)})


def attributes(folder: Path) -> list[str]:
    """The paths of ATTRIBUTES below the folder, which entries() leaves out."""
    found = []
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name.lower() != GIT]
        if ATTRIBUTES in names:
            found.append(os.path.relpath(os.path.join(top, ATTRIBUTES), folder))
    return sorted(found)


def _below(folder: Path, path: str) -> Iterator[Entry]:
    full = folder / path
    try:
        status = full.stat() if path == "" else full.lstat()
    except OSError as error:
        raise Unfit(path, (error.strerror or "cannot be read").lower()) from None
    if stat.S_ISDIR(status.st_mode):
        for name in sorted(_names(full, path)):
            if name.lower() != GIT and name != ATTRIBUTES:
                yield from _below(folder, f"{path}/{name}" if path else name)
        return
    mode = _mode(status.st_mode)
    if mode is None:
        raise Unfit(path, "it is no file, folder or link")
    if "\n" in path or path.startswith('"'):
        raise Unfit(repr(path), "a name cannot hold a line break, nor begin with a quotation mark")
    yield Entry(path, mode, status.st_size)


def _names(full: Path, path: str) -> list[str]:
    try:
        return os.listdir(full)
    except OSError as error:
        raise Unfit(path, (error.strerror or "cannot be read").lower()) from None


def _mode(bits: int) -> str | None:
    if stat.S_ISLNK(bits):
        return LINK
    if stat.S_ISREG(bits):
        return EXECUTABLE if bits & stat.S_IXUSR else PLAIN
    return None
