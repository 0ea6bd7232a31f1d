"""Splits a stream of bytes into JSON messages. Keeps the other lines (a login shell's banner) to explain failures."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any

from ..executor.protocol import LINE_LIMIT

Message = dict[str, Any]


# Values in a line. The longest messages list edited files; a line of brackets would take twenty times its bytes.
MOST_VALUES = 500_000


class LineTooLong(Exception):
    """A line of more than LINE_LIMIT bytes, or of more than MOST_VALUES values."""


class Lines:
    """One stream. `noise` holds the last lines that were no message; `received` counts the bytes of the others."""

    def __init__(self) -> None:
        self.noise: deque[str] = deque(maxlen=20)
        self.received = 0
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes. Raises LineTooLong."""
        *complete, rest = data.split(b"\n")
        for end in complete:
            line = b"".join((*self._parts, end))
            self._parts, self._size = [], 0
            yield from self._message(line)
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if self._size > LINE_LIMIT:
            raise LineTooLong(f"a line of more than {LINE_LIMIT} bytes")

    def finish(self) -> Iterator[Message]:
        """The rest of the stream, after the last line break."""
        yield from self._message(b"".join(self._parts))
        self._parts = []

    def _message(self, line: bytes) -> Iterator[Message]:
        if len(line) > LINE_LIMIT:
            raise LineTooLong(f"a line of more than {LINE_LIMIT} bytes")
        if len(line) > MOST_VALUES and line.count(b",") + line.count(b"[") + line.count(b"{") > MOST_VALUES:
            raise LineTooLong(f"a line of more than {MOST_VALUES} values")
        try:
            message = json.loads(line) if line.lstrip().startswith(b"{") else None
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            self.received += len(line)
            yield message
        elif line.strip():
            self.noise.append(line.decode(errors="replace").rstrip()[:500])
