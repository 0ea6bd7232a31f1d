"""The screen that reports write to: two streams, a clock, and the marks and colours that it can show."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TextIO

from msgspec import Struct


class Marks(Struct, frozen=True):
    ok: str = "✓"
    bad: str = "✗"
    same: str = "·"
    arrow: str = "→"
    bar: str = "│"
    none: str = "–"  # noqa: RUF001
    cut: str = "…"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


ASCII = Marks(ok="+", bad="x", same="-", arrow=">", bar="|", none="-", cut="~", spinner="|/-\\")


class Stream:
    """A text stream that never raises: what it cannot encode becomes `?`, and a closed pipe is silence.

    A deploy must not stop half way because `| head` has seen enough.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.encoding = getattr(file, "encoding", None) or "utf-8"
        self._gone = False

    @property
    def gone(self) -> bool:
        """Nobody reads it any more; this also notices a pipe that closed while nothing was written to it."""
        self._gone = self._gone or self._is_closed()
        return self._gone

    def write(self, text: str) -> int:
        if not self._gone:
            safe = text.encode(self.encoding, "replace").decode(self.encoding)
            self._attempt(lambda: self._file.write(safe))
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            self._attempt(self._file.flush)

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (OSError, ValueError):
            self._gone = True
            self._mute()

    def _is_closed(self) -> bool:
        try:
            poll = select.poll()
            poll.register(self._file.fileno(), 0)
            return any(events & select.POLLERR for _, events in poll.poll(0))
        except (OSError, ValueError):       # no file of the system
            return False

    def _mute(self) -> None:
        # Python flushes standard output once more as it ends, and would complain about the pipe then.
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._file.fileno())
            os.close(null)
        except (OSError, ValueError):
            pass


def show_text(text: str) -> None:
    """A text on standard output, such as a help, for which no command runs and nothing happens."""
    out = Stream(sys.stdout)
    out.write(text)
    out.flush()


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Screen(Struct, frozen=True):
    out: Stream
    err: Stream
    environ: Mapping[str, str]
    verbose: bool = False
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    keyboard: TextIO | None = None

    @property
    def marks(self) -> Marks:
        return Marks() if _is_utf8(self.out.encoding) and _is_utf8(self._locale()) else ASCII

    @property
    def forced_colour(self) -> bool:
        """NO_COLOR wins, as in rich (https://no-color.org, https://force-color.org)."""
        return bool(self.environ.get("FORCE_COLOR")) and not self.environ.get("NO_COLOR")

    def _locale(self) -> str:
        # Under LANG=C Python itself sets LC_CTYPE=C.UTF-8 (PEP 538): the user did not choose that.
        lang = self.environ.get("LANG", "")
        ctype = "" if lang in ("C", "POSIX") else self.environ.get("LC_CTYPE", "")
        return self.environ.get("LC_ALL") or ctype or lang or "utf-8"


def _is_utf8(name: str) -> bool:
    return "utf8" in name.lower().replace("-", "")
