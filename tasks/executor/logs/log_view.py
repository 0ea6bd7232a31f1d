"""One log as a client sees it: its last lines, and then what is added."""

from __future__ import annotations

import os
from typing import Literal

from ..disk import files
from ..link import Link
from . import process_logs
from .grep import Grep
from .log_sources import LogSource
from .logfile import Cursor
from .tail import Line, Tail


class LogView:
    """`source` says whose log it is; `grep` chooses its lines."""

    def __init__(self, link: Link, source: LogSource, grep: Grep) -> None:
        self.source = source
        self._link = link
        self._grep = grep
        self._tail = Tail(source.log.path, link.mask)

    def describe(self, uses_sudo: bool) -> None:
        """Say what hinders reading, or that there is nothing to read yet."""
        path = self.source.log.path
        hindrance = process_logs.hindrance(self.source.log, uses_sudo)
        is_empty = not files.size_of(path) and not files.size_of(f"{path}.1")
        if hindrance:
            self._notice("warning", hindrance)
        elif is_empty:
            nothing = f"{path} is empty" if os.path.exists(path) else f"no log at {path} yet"
            self._notice("info", f"{nothing}; what a deploy that went back printed: "
                                 f"fab logs {self.source.service} --deploy last")
        elif self.source.note:
            self._notice("info", self.source.note)

    def show_last(self, count: int | None) -> None:
        """The last `count` lines; all of the file where that is null."""
        if count is not None:
            self._tail.from_last(count, self._grep)
        self.show_present()

    def resume(self, cursor: Cursor) -> None:
        """Go on where an earlier connection stopped."""
        self._tail.from_cursor(cursor)
        if self._tail.lost:
            self._notice("warning", "its log was rotated away meanwhile; lines may be missing")

    def show_more(self) -> bool:
        """Show the next block. Returns whether there was anything new, whether it matched or not."""
        lines = self._tail.more()
        self._show(lines or [])
        return lines is not None

    def show_present(self) -> None:
        """Show all up to where the log ends now."""
        for lines in self._tail.present():
            self._show(lines)

    def end(self) -> None:
        """Show also a line that lacks its end."""
        self._show(self._tail.end())

    def mark(self) -> None:
        """Say where the log was read up to, though no line was shown."""
        service = self.source.service
        process = self.source.writer
        log = self.source.log
        self._link.stream({"event": "mark", "service": service, "process": process, "stream": log.stream,
                           "mark": self._tail.cursor()})

    def _show(self, lines: list[Line]) -> None:
        service = self.source.service
        process = self.source.writer
        log = self.source.log
        for text, cursor in lines:
            if self._grep(text):
                self._link.stream({"event": "log", "service": service, "process": process, "stream": log.stream,
                                   "line": text, "mark": cursor})

    def _notice(self, level: Literal["info", "warning"], text: str) -> None:
        name = self.source.writer or self.source.service
        self._link.answer({"event": "notice", "level": level, "message": f"{name}: {text}"})
