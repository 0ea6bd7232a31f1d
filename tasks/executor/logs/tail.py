"""Follows a log through any rotation: renamed, copied and cut short, or just cut short."""

from __future__ import annotations

import collections
import os
import time
from typing import Callable, Iterator, Tuple

from ..disk import files
from ..masking import Mask
from . import logfile

BACKUPS = 100               # files in a rotation: log.1, log.2 …
FURTHEST = 64 << 20         # bytes that are searched for the last lines before no older backup is opened
QUIET = 1.0                 # seconds, after which a line without an end is shown as it is

Line = Tuple[str, logfile.Cursor]
Matches = Callable[[str], bool]


def anything(line: str) -> bool:
    return True


class Tail:
    """One log that is followed. `lost`: the place of the cursor was not found again, so lines may be missing."""

    def __init__(self, path: str, mask: Mask) -> None:
        self.path = path
        self.lost = False
        self._mask = mask
        self._fd = -1
        self._inode = 0
        self._offset = 0
        self._before = b""          # what stands right before the offset
        self._rest = b""            # of a line whose end is not there yet
        self._last_read = time.monotonic()

    def from_last(self, count: int, matches: Matches = anything, since: logfile.Cursor | None = None) -> None:
        """Begin at the last `count` lines that match, also those of backups; with `since` not before that cursor. Where
        its place is gone, because the file was emptied, all that is in it now counts."""
        for path, first in self._parts(since):
            fd = logfile.open_file(path)
            if fd is None or not self._take(fd, first):
                continue                            # it is being moved right now, or is closed to us
            start, count = logfile.start_of_last(fd, count, matches, first)
            self._go_to(max(first, self._uncut(start)))
            if count == 0:
                return

    def from_cursor(self, cursor: logfile.Cursor) -> None:
        """Go on where an earlier Tail stopped, in whatever file that is now."""
        number = self._holder(cursor)
        self.lost = number is None and cursor[0] != 0
        if number is None or not self._take(logfile.open_file(self._backup(number)), cursor[1]):
            self._take(logfile.open_file(self.path), 0)

    def present(self) -> Iterator[list[Line]]:
        """The lines from here to where the log ends now, however much is added meanwhile."""
        inode, size = logfile.end_of(self.path)[:2]
        while self._inode != inode or self._offset < size:
            lines = self.more()
            if lines is None:
                return
            yield lines

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def more(self) -> list[Line] | None:
        """The lines of the next block; None when there is nothing new now."""
        if self._fd < 0 and not self._take(logfile.open_file(self.path), 0):
            return None
        following = self._following()               # first: what was written before the rotation is read before it
        before = len(self._before)
        data = logfile.read(self._fd, self._offset - before, self._offset + logfile.BLOCK)
        if data[:before] != self._before:
            return self._cut_short()
        if len(data) > before:
            return self._split(data[before:])
        if following and self._take(logfile.open_file(*following), 0):
            return []
        return self._unfinished() if self._rest and time.monotonic() - self._last_read > QUIET else None

    def cursor(self) -> logfile.Cursor:
        return logfile.cursor_at(self._inode, self._offset, self._before)

    def end(self) -> list[Line]:
        """The last words of a program often lack their line's end: they are shown as they are."""
        text, self._rest = self._rest, b""
        return [(logfile.text_of(text), self.cursor())] if text else []

    def _unfinished(self) -> list[Line] | None:
        """A line without an end; None while its end may be the beginning of a secret, as masking sees whole ones only.
        """
        return None if self._mask.is_open(self._rest) else self.end()

    def _uncut(self, offset: int) -> int:
        """Within a line that is longer than a piece, the pieces must not begin in the middle of a secret."""
        begin = max(0, offset - self._mask.longest)
        data = logfile.read(self._fd, begin, offset + self._mask.longest)
        return begin + self._mask.uncut(data, offset - begin)

    def _split(self, data: bytes) -> list[Line]:
        whole = self._rest + data
        window = self._before + data
        at = self._offset - len(self._rest)
        lines = []
        self._rest = b""
        self._go_to(self._offset + len(data), window[-logfile.CHECKED:])
        for piece in logfile.pieces(whole, self._mask.uncut):
            at += len(piece)
            if at == self._offset and not piece.endswith(b"\n") and len(piece) < logfile.LONGEST:
                self._rest = piece
            else:
                before = window[:max(0, len(window) - (self._offset - at))]
                lines.append((logfile.text_of(piece), logfile.cursor_at(self._inode, at, before[-logfile.CHECKED:])))
        self._last_read = time.monotonic()
        return lines

    def _cut_short(self) -> list[Line]:
        """The log was copied to a backup and then truncated, or only truncated."""
        copy = logfile.open_at_cursor(self._backup(1), self.cursor(), copied=True)
        if self._take(copy, self._offset):
            return []
        left = self._unfinished()
        self._go_to(0)
        return left or []

    def _parts(self, since: logfile.Cursor | None) -> Iterator[tuple[str, int]]:
        """The path and the first offset of the log and its backups, newest first."""
        holder = self._holder(since) if since else BACKUPS - 1
        read = 0
        for number in range((holder or 0) + 1):
            path = self._backup(number)
            size = files.size_of(path)
            if number and (not size or read > FURTHEST):
                return
            yield path, since[1] if since and number == holder else 0
            read += size

    def _holder(self, cursor: logfile.Cursor) -> int | None:
        """The number of the file that the cursor stands in, 0 for the log itself; None where its place is gone."""
        for number in range(BACKUPS):
            if _holds(self._backup(number), cursor):
                return number
        was_emptied = logfile.inode_of(self.path) == cursor[0] != 0
        return 1 if was_emptied and _holds(self._backup(1), cursor, copied=True) else None

    def _following(self) -> tuple[str, int] | None:
        """(path, inode) of the file that goes on where ours ended; None while ours is the newest.

        An empty one does not count: until the program opens it, it goes on writing to ours.
        """
        if logfile.inode_of(self.path) == self._inode:
            return None
        numbers = range(1, BACKUPS)
        ours = next((number for number in numbers if logfile.inode_of(self._backup(number)) == self._inode), 1)
        newer = [*(self._backup(number) for number in range(ours - 1, 0, -1)), self.path]
        return next(((path, logfile.inode_of(path)) for path in newer if files.size_of(path)), None)

    def _take(self, fd: int | None, offset: int) -> bool:
        """Read that file from now on; the rest of a line goes on in it."""
        if fd is None:
            return False
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._inode = os.fstat(fd).st_ino
        self._go_to(offset)
        return True

    def _go_to(self, offset: int, before: bytes | None = None) -> None:
        self._offset = offset
        self._before = logfile.read(self._fd, max(0, offset - logfile.CHECKED), offset) if before is None else before

    def _backup(self, number: int) -> str:
        """The log itself is number 0."""
        return f"{self.path}.{number}" if number else self.path


def last_lines(path: str, count: int, mask: Mask, since: logfile.Cursor | None = None) -> list[str]:
    """The last lines of a log that is there, as Tail.from_last() takes them."""
    tail = Tail(path, mask)
    tail.from_last(count, since=since)
    lines = collections.deque((text for block in tail.present() for text, _ in block), maxlen=count)
    lines.extend(text for text, _ in tail.end())
    tail.close()
    return list(lines)


def _holds(path: str, cursor: logfile.Cursor, copied: bool = False) -> bool:
    fd = logfile.open_at_cursor(path, cursor, copied)
    if fd is None:
        return False
    os.close(fd)
    return True
