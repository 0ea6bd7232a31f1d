"""The last lines of an output: a host that floods must not make memory grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Tail:
    """At most so many lines, and at most `room` of what `size` measures (characters, by default)."""

    def __init__(self, room: int, lines: int | None = None, size: Callable[[str], int] = len) -> None:
        self.lines: deque[str] = deque()
        self.left_out = 0
        self._room = room
        self._most = lines
        self._size = size

    def add(self, line: str) -> None:
        self.lines.append(line)
        self._room -= self._size(line)
        while self._room < 0 or (self._most is not None and len(self.lines) > self._most):
            self._room += self._size(self.lines.popleft())
            self.left_out += 1
