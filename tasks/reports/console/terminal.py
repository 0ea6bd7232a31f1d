"""For people at a terminal: a moving line a host, and when a step fails, what it printed.

The moving region is erased at the end; what stays is the failure, the table and the verdict.
"""

from __future__ import annotations

from typing import IO, cast

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from ...rollout.events import (
    Check,
    Document,
    Error,
    Event,
    Finished,
    LogLine,
    Looked,
    Notice,
    Output,
    Started,
    StepFinished,
)
from ..screen import Screen
from ..status.status_table import StatusTable
from ..text.error_lines import error_lines, hint_lines
from ..text.humanize import duration, text_lines
from ..text.line_breaks import join_commands, part_commands
from ..text.table import Line
from . import event_lines
from .live import FRAMES_PER_SECOND, Region
from .step_times import in_a_line
from .text_report import TextReport

STYLES = {"": "", "dim": "dim", "good": "green", "bad": "red", "head": "bold"}
HOST_STYLES = ("cyan", "magenta", "yellow", "blue", "bright_cyan", "bright_magenta")


def reporter(screen: Screen) -> Terminal:
    console = Console(
        file=cast("IO[str]", screen.out), _environ=screen.environ, highlight=False, markup=False, emoji=False
    )
    moving = screen.out.isatty() and not console.is_dumb_terminal
    return Terminal(screen, console, moving)


class Terminal(TextReport):
    def __init__(self, screen: Screen, console: Console, moving: bool) -> None:
        super().__init__(screen)
        self.console = console
        self.region = Region(screen.marks, screen.clock)
        self.moving = moving
        self.live: Live | None = None

    @property
    def width(self) -> int:
        return self.console.width

    def ask(self, question: str) -> bool:
        self.close()
        return super().ask(question)

    def close(self) -> None:
        if self.live:
            self.live.stop()
        super().close()

    def _prepare(self, event: Event) -> None:
        self.region = self.region.after(event)
        if isinstance(event, Started):
            self._start_region(event)
        if not self.live:
            return
        if isinstance(event, Looked):
            self.live.update(WatchedTable(self.transcript.statuses), refresh=True)
        elif not self.transcript.watched:
            self.live.update(self.region)
        if isinstance(event, LogLine | Finished):
            # A log has no region below it: its lines are for scrolling back and copying.
            self.live.stop()

    def _start_region(self, event: Started) -> None:
        """With each Started anew: after a question the region begins below the answer."""
        opening = event_lines.opening(event)
        if opening:
            self._hang(Text(), _text(opening))
        if self.live:
            self.live.stop()
        if self.moving:
            self.live = Live(self.region, console=self.console, refresh_per_second=FRAMES_PER_SECOND, transient=True,
                             vertical_overflow="crop")
            self.live.start(refresh=True)

    def _output(self, event: Output) -> None:
        if self.screen.verbose:
            bar = (f"{self.screen.marks.bar} ", "dim")
            self._beside([*self.transcript.labels.names(event.host, event.service), bar], event.line)

    def _step_finished(self, event: StepFinished) -> None:
        if event.ok or event.stopped:
            return
        marks = self.screen.marks
        label = [(f"{marks.bad} ", "bad"), *self.transcript.labels.names(event.host, event.service)]
        self._print([[*label, (f"{event.step} failed", "bad"), (f"  {duration(event.seconds)}", "dim")]])
        for line in self._tail(event):
            self._beside([(f"  {marks.bar} ", "dim")], line)
        for line in self.transcript.reasons(event):
            self._beside([("  ", "")], line, "bad")

    def _notice(self, event: Notice) -> None:
        mark: Line = [("! ", "bad")] if event.level == "warning" else []
        label = [*self.transcript.labels.names(event.host), *mark]
        for line in text_lines(event.message):
            if self.has_document and not self.screen.err.isatty():
                self.screen.err.write(f"{_text(label).plain}{line}\n")
            else:
                self._beside(label, line)

    def _check(self, event: Check) -> None:
        label = self.transcript.labels.check(event)
        for at, line in enumerate(text_lines(event.message)):
            self._beside([("    ", "")] if at else label, line)
        for mark, (line, _) in self.transcript.remedy(event):
            self._beside([("    ", ""), mark], line)

    def _log_line(self, event: LogLine) -> None:
        hosts = self.transcript.hosts
        at = hosts.index(event.host) if event.host in hosts else 0
        label = Text(self.transcript.labels.log_line(event), style=HOST_STYLES[at % len(HOST_STYLES)])
        self._hang(label.append(f" {self.screen.marks.bar} ", style="dim"), Text(event.line))

    def _document(self, event: Document) -> None:
        if self.live:
            self.live.stop()
        super()._document(event)

    def _error(self, event: Error) -> None:
        lines = error_lines(event)
        if self.screen.err.isatty():
            self.transcript.has_lines = True
            # The same screen as standard output: through the console, so that it lands above the region.
            for line in hint_lines(event.hint) if self.transcript.repeats(event) else lines:
                self._beside(line[:1], line[1][0])
            return
        for line in lines:
            self.screen.err.write(_text(line).plain + "\n")
        self.screen.err.flush()

    def _finished(self, event: Finished) -> None:
        self._keep_step_times(event)
        lines = self.transcript.ending(event, self.width)
        if event.exit_code == 130 and not lines:
            self._print([[]])               # the terminal shows ^C: the prompt comes below it
        space: list[Line] = [[]] if self.transcript.has_lines and len(lines) > 1 else []
        self._print([*space, *lines[:-1]])
        for line in lines[-1:]:
            self._hang(Text(), _text(line))

    def _keep_step_times(self, event: Finished) -> None:
        """What the moving region showed."""
        marks = self.screen.marks
        times = self.transcript.step_times
        for host, steps in sorted(times.by_host.items()):
            mark = (marks.bad, "bad") if host in times.failed else (
                (marks.same, "dim") if event.exit_code else (marks.ok, "good"))
            label: Line = [mark, (" ", ""), *self.transcript.labels.names(host)]
            room = self.width - _text(label).cell_len
            self._print([[*label, (in_a_line(steps, room, marks.same), "dim")]])

    def _print(self, lines: list[Line]) -> None:
        for line in lines:
            text = _text(line)
            text.truncate(self.width, overflow="ellipsis" if self.screen.marks.cut == "…" else "crop")
            self.console.print(text, no_wrap=True)

    def _beside(self, label: Line, line: str, tone: str = "") -> None:
        self._hang(_text(label), Text(line, style=STYLES[tone]))

    def _hang(self, label: Text, text: Text) -> None:
        """Long text goes on below its own beginning, not below the label; a bar goes on with it."""
        bar = label.plain.endswith(f"{self.screen.marks.bar} ")
        indent = Text(" " * (label.cell_len - 2)) + label[-2:] if bar else Text(" " * label.cell_len)
        text.expand_tabs(8)
        room = max(self.width - label.cell_len, 10)
        text.plain = join_commands(text.plain, room)
        for at, part in enumerate(text.wrap(self.console, room) or [Text()]):
            part.rstrip()
            part.plain = part_commands(part.plain)
            self.console.print(Text.assemble(indent if at else label, part), no_wrap=True, overflow="crop")


class WatchedTable:
    """The table of states in the region; its last line says how it ends."""

    def __init__(self, statuses: StatusTable) -> None:
        self.statuses = statuses

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = self.statuses.lines(options.max_width)
        room = max((options.height or console.height) - 2, 1)
        for line in lines[:room]:
            yield _text(line)
        more = f"and {len(lines) - room} lines more; " if lines[room:] else ""
        yield Text(f"{more}Ctrl-C ends", style="dim")


def _text(line: Line) -> Text:
    return Text.assemble(*((text, STYLES[tone]) for text, tone in line))
