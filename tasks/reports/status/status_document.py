"""The base of the formats that make one text of all statuses: for standard output, or for a file."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..._errors import SelectionError
from ...rollout.events import Error, Event, Finished, Notice, Status
from ..reporter import Reporter
from ..screen import Screen
from ..text.error_lines import error_lines
from ..text.humanize import text_lines
from ..text.table import text_of
from ..text.verdict import verdict
from .status_rows import complete


class StatusDocument(Reporter):
    """Writes at the end, and only where hosts were asked: a mistake in hosts.yaml leaves the file as it is."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._path = ""
        self._statuses: list[Status] = []

    @abstractmethod
    def text(self, statuses: Sequence[Status]) -> str:
        """The document; `statuses` in the order host, service."""

    @property
    def gone(self) -> bool:
        return self.screen.out.gone

    def write_to(self, path: str) -> None:
        self._path = os.path.realpath(path)             # a link stays, and the file that it leads to is replaced
        reason = _hindrance(self._path)
        if reason:
            raise SelectionError(f"--output {path}: cannot be written: {reason}",
                                 "name a file in a folder that exists, and that is yours to write")

    def show(self, event: Event) -> None:
        match event:
            case Status():
                self._statuses.append(event)
            case Error():
                self._say([text_of(line) for line in error_lines(event)])
            case Notice(level="warning"):
                self._say([f"! {line}" for line in text_lines(event.message)])
            case Finished():
                self._finish(event)

    def _finish(self, event: Finished) -> None:
        statuses = complete(self._statuses, event)
        if statuses:
            self._write(self.text(statuses))
        if event.exit_code and self._path:
            self._say(text_lines(verdict(event, 0.0)))

    def _write(self, text: str) -> None:
        if not self._path:
            self.screen.out.write(text)
            self.screen.out.flush()
            return
        try:
            _beside(self._path).write_text(text, encoding="utf-8")
            os.replace(_beside(self._path), self._path)
        finally:
            with suppress(OSError):
                _beside(self._path).unlink()

    def _say(self, lines: list[str]) -> None:
        self.screen.err.write("".join(f"{line}\n" for line in lines))
        self.screen.err.flush()


def _hindrance(path: str) -> str | None:
    """Why no file can be put there; None where it can."""
    if os.path.exists(path) and not os.path.isfile(path):
        return "that is no file"
    try:
        _beside(path).write_bytes(b"")
        _beside(path).unlink()
    except OSError as error:
        return error.strerror
    return None


def _beside(path: str) -> Path:
    """Who reads the file sees the old one or the new one: it is written here, then renamed."""
    folder, name = os.path.split(path)
    return Path(folder, f".{name}.{os.getpid()}")
