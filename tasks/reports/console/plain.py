"""For pipes, logs and cron: one line a fact, nothing is redrawn.

Progress and results go to standard output, errors to standard error.
"""

from __future__ import annotations

from ...rollout.events import (
    Check,
    Error,
    Finished,
    HostState,
    LogLine,
    Looked,
    Notice,
    Output,
    Started,
    StepFinished,
    StepStarted,
)
from ..screen import Screen
from ..stream import Stream
from ..text.error_lines import error_lines
from ..text.humanize import duration, text_lines
from ..text.table import Line, text_of
from . import event_lines
from .text_report import TextReport

WIDTH = 80
# A setting is one line, however long.
UNLIMITED = 1 << 20
STEP = len("checkout")
# Every deploy passes through these; they are worth a line only to --verbose.
QUIET_STATES = frozenset({"connecting", "connected", "locked"})
CODES = {"dim": "2", "good": "32", "bad": "31", "head": "1"}


def reporter(screen: Screen) -> Plain:
    return Plain(screen)


class Plain(TextReport):
    width = WIDTH
    codes = CODES
    stamps = True

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self.coloured = screen.forced_colour

    def _started(self, event: Started) -> None:
        opening = event_lines.opening(event)
        self._progress([opening] if opening else [])

    def _host_state(self, event: HostState) -> None:
        if self.screen.verbose or event.state not in QUIET_STATES:
            detail = f": {event.detail}" if event.detail else ""
            self._progress([[*self.transcript.labels.names(event.host), (event.state + detail, "dim")]])

    def _step_started(self, event: StepStarted) -> None:
        if self.screen.verbose:
            self._progress([[*self.transcript.labels.names(event.host, event.service), (event.step, "dim")]])

    def _output(self, event: Output) -> None:
        if self.screen.verbose:
            bar: Line = [("| ", "dim"), (event.line, "")]
            self._progress([[*self.transcript.labels.names(event.host, event.service), *bar]])

    def _step_finished(self, event: StepFinished) -> None:
        tail = self._tail(event)
        reasons = self.transcript.reasons(event)
        label = [*self.transcript.labels.names(event.host, event.service), (event.step.ljust(STEP) + "  ", "")]
        if event.ok:
            done: Line = [("ok  ", "good"), (duration(event.seconds), "dim")]
            same: Line = [(f"{self.screen.marks.same}   unchanged", "dim")]
            self._progress([[*label, *(done if event.changed else same)]])
            return
        if event.stopped:
            self._progress([[*label, ("stopped", "dim"), (f"  {duration(event.seconds)}", "dim")]])
            return
        self._progress([[*label, ("FAILED", "bad"), (f"  {duration(event.seconds)}", "dim")]])
        self._print([[("    | ", "dim"), (line, "")] for line in tail])
        self._print([[("    ", ""), (line, "bad")] for line in reasons])

    def _notice(self, event: Notice) -> None:
        mark: Line = [("! ", "bad")] if event.level == "warning" else []
        self._write([[*self._stamp(), *self.transcript.labels.names(event.host), *mark, (line, "")]
                     for line in text_lines(event.message)],
                    self.screen.err if self.has_document else self.screen.out)

    def _check(self, event: Check) -> None:
        label = self.transcript.labels.check(event)
        for at, line in enumerate(text_lines(event.message)):
            self._print([[*([("    ", "")] if at else label), (line, "")]])
        self._print([[("    ", ""), *line] for line in self.transcript.remedy(event)])

    def _log_line(self, event: LogLine) -> None:
        self._print([[(f"{self.transcript.labels.log_line(event)} | ", "dim"), (event.line, "")]])

    def _looked(self, event: Looked) -> None:
        at = event.at.replace("T", " ").replace("Z", " UTC")
        self._print([[(at, "head")], *self.transcript.statuses.lines(WIDTH), []])

    def _error(self, event: Error) -> None:
        self.screen.out.flush()
        self._write(error_lines(event), self.screen.err)

    def _finished(self, event: Finished) -> None:
        if self.transcript.watched:
            return
        lines = self.transcript.ending(event, UNLIMITED if event.command == "config" else self.width)
        # A command that only shows a table needs no space above it.
        self._print([[], *lines] if self.transcript.has_lines and len(lines) > 1 else lines)

    def _progress(self, lines: list[Line]) -> None:
        self._print([[*self._stamp(), *line] for line in lines])

    def _stamp(self) -> Line:
        """The time of day, in UTC as everywhere: in a file nobody else says when it was. A plan needs none."""
        is_stamped = self.stamps and self.transcript.has_progress
        return [(f"{self.screen.now():%H:%M:%SZ}  ", "dim")] if is_stamped else []

    def _print(self, lines: list[Line]) -> None:
        self._write(lines, self.screen.out)

    def _write(self, lines: list[Line], stream: Stream) -> None:
        for line in lines:
            stream.write(self._painted(line) + "\n")
        stream.flush()

    def _painted(self, line: Line) -> str:
        if not self.coloured:
            return text_of(line)
        return "".join(f"\x1b[{self.codes[tone]}m{text}\x1b[0m" if tone else text for text, tone in line)
