"""The lines that a command prints, as they arrive."""

from __future__ import annotations

import codecs
import os
from typing import Callable

from ..masking import Mask

LONGEST_LINE = 4000                 # characters
KEPT = 200

Say = Callable[[str], None]


def silent(line: str) -> None:
    """Takes output that nobody needs."""


def record(say: Say, lines: list[str]) -> Say:
    """A `say` that also keeps the lines."""
    def both(line: str) -> None:
        lines.append(line)
        say(line)
    return both


class OutputLines:
    """Splits output into lines, masked, and gives each to `say`; of a longer line the first LONGEST_LINE characters."""

    def __init__(self, say: Say, mask: Mask) -> None:
        self.last: list[str] = []                       # the newest KEPT lines
        self._say = say
        self._mask = mask
        self._most = LONGEST_LINE + mask.longest        # no secret within the first part is seen in half
        self._taken = False                             # the current line was too long, and its start was given
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def feed(self, fd: int) -> bool:
        """Read once; False at the end of the pipe, and when there is nothing to read."""
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        *whole, self._rest = (self._rest + self._decode(data)).replace("\r\n", "\n").split("\n")
        for line in whole:
            self._take(line)
            self._taken = False
        if len(self._rest) > self._most:
            redrawn, bar, latest = self._rest.rpartition("\r")
            self._take(redrawn if bar else latest)
            self._taken = not bar
            self._rest = latest if bar else ""
        return bool(data)

    def end(self) -> None:
        """Give what is left, a line without an end."""
        if self._rest:
            self._take(self._rest)
            self._rest = ""

    def _take(self, line: str) -> None:
        if self._taken:
            return
        line = self._mask(line.rpartition("\r")[2])[:LONGEST_LINE]
        self.last.append(line)
        del self.last[:-KEPT]
        self._say(line)
