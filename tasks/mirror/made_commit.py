"""Makes commits of files that no person committed: the same files on the same base give the same commit.

By `git fast-import`, which reads everything from one stream: however large a file is, it is never held whole.
Source of the format: git-fast-import(1).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .._errors import Failed
from . import git
from .file_tree import LINK, Entry, Unfit
from .mirror import Mirror

MADE = "refs/fabvisor/made/"            # keeps the commits in the mirror
NAME = "Fabvisor"
AUTHOR = NAME.encode() + b" <fabvisor@localhost>"
PIECE = 2**20                           # bytes


def make(mirror: Mirror, name: str, folder: Path, entries: Sequence[Entry], message: str, *,
         base: str | None = None, replaced: Iterable[str] = (), date: int = 0) -> str:
    """A commit of `entries` of `folder` on top of `base`, where what lies at the `replaced` paths is left out; without
    a base of nothing else. `name` keeps it in the mirror; `date`: seconds since 1970. Under the mirror's lock.

    Raises GitFailed, and Unfit for a file that changes meanwhile.
    """
    ref = MADE + name
    mirror.prepare()
    head = [b"commit %s\n" % ref.encode(), b"committer %s %d +0000\n" % (AUTHOR, date), _data(message.encode()),
            b"from %s\n" % base.encode() if base else b"deleteall\n",
            *(b"D %s\n" % os.fsencode(path) for path in replaced)]
    git.feed(["fast-import", "--quiet", "--force", "--date-format=raw", "--done"], mirror.folder, mirror.env,
             _stream(head, folder, entries))
    return git.run(["rev-parse", "--verify", ref], mirror.folder, mirror.env).strip()


def not_made(name: str, error: Exception) -> Failed:
    return Failed(f"no commit could be made of {name} on this machine: {error}", "look at its disk: df -h ~/.cache")


def _stream(head: list[bytes], folder: Path, entries: Sequence[Entry]) -> Iterator[bytes]:
    yield from head
    for entry in entries:
        yield b"M %s inline %s\n" % (entry.mode.encode(), os.fsencode(entry.path))
        if entry.mode == LINK:
            yield _data(os.fsencode(os.readlink(folder / entry.path)))
        else:
            yield b"data %d\n" % entry.size
            yield from _content(folder, entry)
            yield b"\n"
    yield b"\ndone\n"


def _content(folder: Path, entry: Entry) -> Iterator[bytes]:
    left = entry.size
    with (folder / entry.path).open("rb") as file:
        while left:
            piece = file.read(min(left, PIECE))
            if not piece:
                raise Unfit(entry.path, "it became shorter while it was read")
            left -= len(piece)
            yield piece


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
