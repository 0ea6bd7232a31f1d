"""The only place in tasks/ that writes to the screen: a listener that is told what happened.

Each format is a module with `reporter(screen) -> Reporter`, imported only when chosen: rich alone
costs 50 ms, which a pipe need not pay. To add one, write the module and one line in FORMATS.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, TracebackType
from typing import Protocol, TextIO

from tasks._errors import SelectionError
from tasks.reports.screen import Screen, Stream
from tasks.rollout.events import Event

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "terminal": "tasks.reports.terminal",
        "plain": "tasks.reports.plain",
        "json": "tasks.reports.jsonl",
    }
)


class Reporter(Protocol):
    """Told every event, in order, from one thread; may be closed twice."""

    def on(self, event: Event) -> None: ...

    def close(self) -> None:
        """Leave the screen clean, whatever happened."""

    @property
    def gone(self) -> bool:
        """Nobody reads standard output any more (`fab logs --follow | head`): an endless command ends."""
        return False

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def choose(
    format: str, verbose: bool, environ: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> Reporter:
    """The reporter for `--format`. Raises SelectionError for a name that is none of them."""
    screen = Screen(out=Stream(stdout), err=Stream(stderr), environ=environ, verbose=verbose)
    name = _automatic(screen) if format == "auto" else format
    if name not in FORMATS:
        raise SelectionError(f"--format {format}: no such format", _nearest(format))
    chosen: Reporter = import_module(FORMATS[name]).reporter(screen)
    return chosen


def _automatic(screen: Screen) -> str:
    capable = screen.out.isatty() and screen.environ.get("TERM") != "dumb"
    return "terminal" if capable else "plain"


def _nearest(format: str) -> str:
    choices = ["auto", *FORMATS]
    near = difflib.get_close_matches(format, choices, n=1)
    question = f"did you mean {near[0]}? " if near else ""
    return f"{question}choose one of {', '.join(choices)}"
