"""Follows a log through any rotation: renamed, copied and cut short, or just cut short."""

from __future__ import annotations

import os
import time
from typing import Callable, Tuple

from . import files, logfile
from .masking import Mask

BACKUPS = 100               # files in a rotation: log.1, log.2 …
QUIET = 1.0                 # seconds, after which a line without an end is shown as it is

Line = Tuple[str, logfile.Cursor]
Matches = Callable[[str], bool]


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

    def from_last(self, count: int, matches: Matches) -> None:
        """Begin at the last `count` lines that match."""
        if self._take(logfile.open_file(self.path), 0):
            self._go_to(self._uncut(logfile.start_of_last(self._fd, count, matches)))

    def from_cursor(self, cursor: logfile.Cursor) -> None:
        """Go on where an earlier Tail stopped, in whatever file that is now."""
        paths = [self.path, *(self._backup(number) for number in range(1, BACKUPS))]
        fd = next((fd for fd in (logfile.open_at_cursor(path, cursor) for path in paths) if fd is not None), None)
        if fd is None and logfile.inode_of(self.path) == cursor[0]:
            fd = logfile.open_at_cursor(self._backup(1), cursor, copied=True)        # and then cut short
        self.lost = fd is None and cursor[0] != 0
        if not self._take(fd, cursor[1]):
            self._take(logfile.open_file(self.path), 0)

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
        whole, window = self._rest + data, self._before + data
        at, lines, self._rest = self._offset - len(self._rest), [], b""
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
        self._fd, self._inode = fd, os.fstat(fd).st_ino
        self._go_to(offset)
        return True

    def _go_to(self, offset: int, before: bytes | None = None) -> None:
        self._offset = offset
        self._before = logfile.read(self._fd, max(0, offset - logfile.CHECKED), offset) if before is None else before

    def _backup(self, number: int) -> str:
        return f"{self.path}.{number}"
