"""Files with a JSON object on each line, which a power cut may tear."""

from __future__ import annotations

import json
import os
from typing import Any, Iterator

from .files import open_own, sync_dir, write_all

TAIL = 8 << 20                      # bytes


def append(path: str, value: dict[str, Any], sync: bool = True) -> None:
    """Append one JSON line, on a line of its own even where a power cut tore the last one."""
    fd = open_own(path, os.O_RDWR | os.O_APPEND)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        write_all(fd, (b"\n" if torn else b"") + json.dumps(value).encode() + b"\n", path)
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)
    if sync and size == 0:
        sync_dir(os.path.dirname(path))


def read(path: str, newest_first: bool = False, holding: bytes = b"") -> Iterator[dict[str, Any]]:
    """The JSON objects of the file's last 8 MiB, oldest first, each read when it is asked for. Torn lines, and lines
    that are no JSON, are skipped, and those without the bytes `holding`."""
    for line in _tail(path).split(b"\n")[::-1 if newest_first else 1]:
        if not line or holding not in line:
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def count(path: str) -> int:
    """The lines of the file's last 8 MiB, whatever they are."""
    return _tail(path).count(b"\n")


def _tail(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""
