"""The only place in tasks/ that writes to the screen: a listener that is told what happened.

Each format is a module with `reporter(screen) -> Reporter`, imported only when it is first told something:
rich alone costs 50 ms, which a pipe need not pay, and which a terminal pays while the hosts are being
connected to. To add one, write the module and one line in FORMATS.
"""

from __future__ import annotations

import difflib
import os
from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from .._errors import SelectionError
from .screen import Screen, Stream

if TYPE_CHECKING:
    from ..rollout.events import Event

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "terminal": "tasks.reports.terminal",
        "plain": "tasks.reports.plain",
        "gitlab": "tasks.reports.gitlab",
        "json": "tasks.reports.jsonl",
    }
)
FILES: Mapping[str, str] = MappingProxyType({"junit": "tasks.reports.junit", "dotenv": "tasks.reports.dotenv"})


class Reporter(Protocol):
    """Told every event, in order, from one thread; may be closed twice."""

    def on(self, event: Event) -> None: ...

    def close(self) -> None:
        """Leave the screen clean, whatever happened."""

    @property
    def gone(self) -> bool:
        """Nobody reads standard output any more (`fab logs --follow | head`): an endless command ends."""
        return False

    @property
    def attended(self) -> bool:
        """A person is there to be asked."""
        return False

    def ask(self, question: str) -> bool:
        """Their yes or no, where it is attended."""
        return False

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Reporters(Reporter):
    """The screen, and whoever else is to be told."""

    def __init__(self, screen: Reporter) -> None:
        self._screen = screen
        self._told = [screen]
        self._last: deque[Event] = deque(maxlen=200)
        self.mask: Callable[[str], str] = lambda text: text         # hides secrets in the story of a bug

    def write(self, kind: str, path: str) -> None:
        """A report of that kind (see FILES) in a file too. Raises SelectionError when there can be none."""
        try:
            with open(path, "wb"):
                pass
            os.unlink(path)             # what an earlier job left is no report of this one
        except OSError as error:
            raise SelectionError(f"--{kind} {path}: cannot be written: {error.strerror}",
                                 "name a file in a folder that exists, and that is yours to write") from None
        self._told.append(import_module(FILES[kind]).reporter(path))

    def on(self, event: Event) -> None:
        from ..rollout.redaction import redacted

        event = redacted(event)
        if hasattr(event, "trace"):
            event = import_module("tasks.reports.crash_report").filed(event, self._last, self.mask)
        self._last.append(event)
        for each in self._told:
            each.on(event)

    def close(self) -> None:
        for each in self._told:
            each.close()

    @property
    def gone(self) -> bool:
        return self._screen.gone

    @property
    def attended(self) -> bool:
        return self._screen.attended

    def ask(self, question: str) -> bool:
        return self._screen.ask(question)


def choose(
    format: str, verbose: bool, environ: Mapping[str, str], stdout: TextIO, stderr: TextIO,
    stdin: TextIO | None = None,
) -> Reporter:
    """The reporter for `--format`. Raises SelectionError for a name that is none of them."""
    screen = Screen(out=Stream(stdout), err=Stream(stderr), environ=environ, verbose=verbose, keyboard=stdin)
    name = _automatic(screen) if format == "auto" else format
    if name not in FORMATS:
        raise SelectionError(f"--format {format}: no such format", _nearest(format))
    return LazyReporter(FORMATS[name], screen)


class LazyReporter(Reporter):
    """The reporter of that module, once there is something to tell."""

    def __init__(self, module: str, screen: Screen) -> None:
        self._module = module
        self._screen = screen

    @cached_property
    def chosen(self) -> Reporter:
        made: Reporter = import_module(self._module).reporter(self._screen)
        return made

    def on(self, event: Event) -> None:
        self.chosen.on(event)

    def close(self) -> None:
        if "chosen" in self.__dict__:
            self.chosen.close()

    @property
    def gone(self) -> bool:
        return self._screen.out.gone

    @property
    def attended(self) -> bool:
        return self.chosen.attended

    def ask(self, question: str) -> bool:
        return self.chosen.ask(question)


def _automatic(screen: Screen) -> str:
    if screen.environ.get("GITLAB_CI") == "true":
        return "gitlab"
    capable = screen.out.isatty() and screen.environ.get("TERM") != "dumb"
    return "terminal" if capable else "plain"


def _nearest(format: str) -> str:
    choices = ["auto", *FORMATS]
    near = difflib.get_close_matches(format, choices, n=1)
    question = f"did you mean {near[0]}? " if near else ""
    return f"{question}choose one of {', '.join(choices)}"
