"""Reads a log file in constant memory: its lines, where the last ones begin, and a place in it that was left.

A cursor says where a line ended: [inode, offset, length, crc32], the last two of the bytes that stand right before
the offset. By it the place is found again, even in a file that was renamed, copied or cut short since.
"""

from __future__ import annotations

import os
import stat
import zlib
from typing import Callable, Iterator, List

BLOCK = 1 << 16             # bytes
LONGEST = 1 << 16           # bytes; a longer line comes in pieces
CHECKED = 64                # bytes before a cursor

Cursor = List[int]
NO_FILE: Cursor = [0, 0, 0, 0]          # the end of a log that was not there
Uncut = Callable[[bytes, int], int]     # masking.Mask.uncut


def start_of_last(fd: int, count: int, matches: Callable[[str], bool], first: int) -> tuple[int, int]:
    """The offset where the last `count` lines that match begin, and how many of them there are not; read backwards, no
    further than needed, and not before the offset `first`."""
    begin = start = max(first, os.fstat(fd).st_size)
    rest = b""
    while count and begin > first:
        end, begin = begin, max(first, begin - BLOCK)
        data = read(fd, begin, end) + rest
        cut = (data.find(b"\n") + 1 or len(data)) if begin > first else 0
        cut = 0 if cut > LONGEST else cut           # a line as long as that is taken in pieces, from its end
        rest = data[:cut]
        at = begin + len(data)
        for piece in reversed(list(pieces(data[cut:]))):
            at -= len(piece)
            if count and matches(text_of(piece)):
                start = at
                count -= 1
    return start, count


def anywhere(data: bytes, end: int) -> int:
    """A place to cut: `end`, whatever stands there."""
    return end


def pieces(data: bytes, uncut: Uncut = anywhere) -> Iterator[bytes]:
    """The lines with their ends; longer ones in pieces, never cut within a character, and where `uncut` allows it."""
    begin = 0
    while begin < len(data):
        end = data.find(b"\n", begin, begin + LONGEST) + 1 or min(begin + LONGEST, len(data))
        cut = end
        while begin + LONGEST == end < len(data) and cut > end - 3 and data[cut] & 0xC0 == 0x80:
            cut -= 1
        if begin + LONGEST == end:
            cut = max(uncut(data, cut), begin) or cut
        yield data[begin:cut]
        begin = cut


def text_of(piece: bytes) -> str:
    return piece.rstrip(b"\r\n").decode("utf-8", "replace")


def cursor_at(inode: int, offset: int, before: bytes) -> Cursor:
    return [inode, max(0, offset), len(before), zlib.crc32(before)]


def end_of(path: str) -> Cursor:
    """The cursor at its end; that of no file where there is none."""
    fd = open_file(path)
    if fd is None:
        return NO_FILE
    try:
        status = os.fstat(fd)
        return cursor_at(status.st_ino, status.st_size, read(fd, max(0, status.st_size - CHECKED), status.st_size))
    finally:
        os.close(fd)


def open_at_cursor(path: str, cursor: Cursor, copied: bool) -> int | None:
    """The file, open, if it has the bytes that the cursor asks for; and, unless it was `copied`, is that very file."""
    inode, offset, length, crc = cursor
    fd = open_file(path, None if copied else inode)
    if fd is None:
        return None
    if os.fstat(fd).st_size >= offset and zlib.crc32(read(fd, offset - length, offset)) == crc:
        return fd
    os.close(fd)
    return None


def inode_of(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def open_file(path: str, inode: int | None = None) -> int | None:
    """None for a pipe or a terminal: those would wait, and what is read from them is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and inode in (None, status.st_ino):
        return fd
    os.close(fd)
    return None


def read(fd: int, begin: int, end: int) -> bytes:
    return os.pread(fd, end - begin, begin)
