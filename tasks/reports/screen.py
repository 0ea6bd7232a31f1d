"""The screen that reports write to: two streams, a clock, and the marks and colours that it can show."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TextIO

from msgspec import Struct

from .stream import Stream


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
