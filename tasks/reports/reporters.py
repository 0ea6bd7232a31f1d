"""All reporters of a command: the screen, and the reports in files (`--junit`, `--dotenv`)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from msgspec import structs

from .._errors import SelectionError
from ..rollout.events import Bug, Event, Notice
from ..rollout.redaction import redacted
from .reporter import Reporter
from .text.tail import Tail
from .text.visible import visible_text

# Each is a module with `reporter(path)`.
FILES: Mapping[str, str] = MappingProxyType({"junit": ".jobs.junit", "dotenv": ".jobs.dotenv"})

# What the report of a crash shows of the events before it.
RECENT = 200                    # events
ROOM = 1_000_000                # characters


class Reporters(Reporter):
    """Hands each event to all of them. The screen is the one that asks questions."""

    def __init__(self, screen: Reporter) -> None:
        self._screen = screen
        self._files: dict[str, Reporter] = {}           # by option and path, as the user gave them
        self._recent = Tail(ROOM, RECENT)
        self._turn = threading.RLock()                  # what runs on this machine reports from a thread of its own
        self.mask: Callable[[str], str] = lambda text: text         # hides secrets in the report of a crash

    def add_file(self, kind: str, path: str) -> None:
        """Write a report of that kind (see FILES) to a file, too. Raises SelectionError where that is impossible."""
        if os.path.exists(path) and not os.path.isfile(path):
            raise SelectionError(f"--{kind} {path}: that is no file", "name a file that may be replaced")
        try:
            with open(path, "wb"):
                pass
            os.unlink(path)             # what an earlier job left is no report of this one
        except OSError as error:
            raise SelectionError(f"--{kind} {path}: cannot be written: {error.strerror}",
                                 "name a file in a folder that exists, and that is yours to write") from None
        self._files[f"--{kind} {path}"] = import_module(FILES[kind], __package__).reporter(path)

    def write_to(self, path: str) -> None:
        self._screen.write_to(path)

    def add(self, name: str, reporter: Reporter) -> None:
        """Hand all events to this reporter, too, before the screen shows them."""
        self._files[name] = reporter

    def on(self, event: Event) -> None:
        with self._turn:
            self._hand_out(redacted(event))

    def _hand_out(self, event: Event) -> None:
        if isinstance(event, Bug):
            from .crash_report import file_crash

            event = file_crash(event, self._recent.lines, self.mask)
        self._recent.add(_as_text(event))
        for name, reporter in self._files.items():
            self._add_to_file(name, reporter, event)
        self._screen.on(event)

    def _add_to_file(self, name: str, reporter: Reporter, event: Event) -> None:
        """A full disk here changes nothing about what was deployed; `finished`, the last event, is still to come."""
        try:
            reporter.on(event)
        except OSError as error:
            self._screen.on(Notice(level="warning", message=f"{name}: cannot be written: {error.strerror}; "
                                                            "the outcome does not depend on it"))

    def apologize(self, why: str) -> None:
        """For a reporter that cannot show how the command ended: say so where it is most likely still read."""
        text = self.mask(f"the report failed ({why}); see what runs: fab status")
        print(visible_text(text), file=sys.stderr)

    def close(self) -> None:
        for reporter in [*self._files.values(), self._screen]:
            reporter.close()

    @property
    def gone(self) -> bool:
        return self._screen.gone

    @property
    def fault(self) -> str:
        return self._screen.fault

    @property
    def attended(self) -> bool:
        return self._screen.attended

    def ask(self, question: str) -> bool:
        return self._screen.ask(question)


def _as_text(event: Event) -> str:
    """Texts as they are: escaped, a secret in them would not be found."""
    return " ".join(map(str, [type(event).__name__, *structs.astuple(event)]))
