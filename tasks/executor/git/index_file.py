"""The file of an index, as gitformat-index(5) describes it: a small one is read sooner than git starts."""

from __future__ import annotations

import os
import struct

from ..disk import files
from .command import Git

LARGEST = 200_000                   # bytes, of some 2 000 paths; beyond that git is as quick
VERSION = 2                         # a higher one has paths to skip: git tells which those are in a sparse tree
HEADER = struct.Struct(">4sII")
ENTRY = struct.Struct(">24xI12x20sH")           # mode, blob, flags
UNCHANGED = 0x8000                  # a flag: assume-unchanged
HASH = 20                           # bytes
EXTENSION = struct.Struct(">4sI")


def listing(git: Git) -> list[str] | None:
    """The lines of `git ls-files -v --stage`; None where git must be asked."""
    path = git.index_path()
    try:
        if os.path.getsize(path) > LARGEST or git.has_sha256():
            return None
        return _lines(files.read_bytes(path) or b"")
    except (OSError, struct.error, ValueError):         # git says what is wrong with it
        return None


def _lines(data: bytes) -> list[str] | None:
    kind, version, count = HEADER.unpack_from(data)
    if kind != b"DIRC" or version != VERSION:
        return None
    lines = []
    start = HEADER.size
    for _ in range(count):
        mode, blob, flags = ENTRY.unpack_from(data, start)
        begin = start + ENTRY.size
        end = data.index(b"\0", begin)
        stage = flags >> 12 & 3
        letter = "M" if stage else "H"
        lines.append(f"{letter.lower() if flags & UNCHANGED else letter} {mode:06o} {blob.hex()} {stage}\t"
                     + data[begin:end].decode("utf-8", "surrogateescape"))
        start += (end - start) // 8 * 8 + 8             # filled up with zeros, of which there is one at least
    return lines if _is_all(data, start) else None


def _is_all(data: bytes, start: int) -> bool:
    """Whether the extensions behind the entries add nothing to these: one that does has a name in lower case."""
    while start < len(data) - HASH:
        name, size = EXTENSION.unpack_from(data, start)
        if not name[:1].isupper():
            return False
        start += EXTENSION.size + size
    return start == len(data) - HASH
