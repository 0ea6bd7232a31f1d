"""A log file in constant memory: its lines, where the last ones begin, and how a place in it is found again.

A mark says where a line ended: [inode, offset, length, crc32], the last two of the bytes that stand right before
the offset. By it the place is found again, also in a file that has been renamed, copied or cut short since.
"""

from __future__ import annotations

import os
import stat
import zlib
from typing import Callable, Iterator, List

BLOCK = 1 << 16
LONGEST = 1 << 16           # bytes; a longer line comes in pieces
MARKED = 64

Mark = List[int]


def start_of_last(fd: int, count: int, wanted: Callable[[str], bool]) -> int:
    """Where the last `count` lines that are wanted begin; read backwards, no further than needed."""
    begin = found = os.fstat(fd).st_size
    rest = b""
    while count and begin:
        end, begin = begin, max(0, begin - BLOCK)
        data = read(fd, begin, end) + rest
        cut = (data.find(b"\n") + 1 or len(data)) if begin else 0
        cut = 0 if cut > LONGEST else cut           # a line as long as that is taken in pieces, from its end
        rest, at = data[:cut], begin + len(data)
        for piece in reversed(list(pieces(data[cut:]))):
            at -= len(piece)
            if count and wanted(text_of(piece)):
                found, count = at, count - 1
    return found


def pieces(data: bytes) -> Iterator[bytes]:
    """Lines with their ends; longer ones cut, not within a character."""
    begin = 0
    while begin < len(data):
        end = data.find(b"\n", begin, begin + LONGEST) + 1 or min(begin + LONGEST, len(data))
        cut = end
        while begin + LONGEST == end < len(data) and cut > end - 3 and data[cut] & 0xC0 == 0x80:
            cut -= 1
        yield data[begin:cut]
        begin = cut


def text_of(piece: bytes) -> str:
    return piece.rstrip(b"\r\n").decode("utf-8", "replace")


def mark_at(inode: int, offset: int, before: bytes) -> Mark:
    return [inode, max(0, offset), len(before), zlib.crc32(before)]


def open_at_cursor(path: str, mark: Mark, copied: bool = False) -> int | None:
    """That file, open, when what stands before the mark stands there too; it is the very file unless `copied`."""
    inode, offset, length, crc = mark
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
    """Not a pipe or a terminal: those would wait, and what is read from them is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and inode in (None, found.st_ino):
        return fd
    os.close(fd)
    return None


def read(fd: int, begin: int, end: int) -> bytes:
    return os.pread(fd, end - begin, begin)
