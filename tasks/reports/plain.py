"""For pipes, logs and cron: one line a fact, nothing is redrawn.

Progress and results go to standard output, errors to standard error.
"""

from __future__ import annotations

from ..rollout.events import (
    Document,
    Error,
    Event,
    Finished,
    HostState,
    LogLine,
    Looked,
    Notice,
    Output,
    Planned,
    Resolved,
    Started,
    StepFinished,
    StepStarted,
)
from . import Reporter, prompt
from .humanize import clean, clean_lines, duration
from .results import error_lines
from .screen import Screen, Stream
from .table import Line, text_of
from .transcript import Transcript

WIDTH = 80
# A setting is one line, however long.
WITHOUT_END = 1 << 20
STEP = len("checkout")
# Every deploy passes through these; they are worth a line only to --verbose.
QUIET_STATES = frozenset({"connecting", "connected", "locked"})
_CODES = {"dim": "2", "good": "32", "bad": "31", "head": "1"}


def reporter(screen: Screen) -> Reporter:
    return Plain(screen)


class Plain(Reporter):
    width = WIDTH
    codes = _CODES

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.story = Transcript(screen)
        self.coloured = screen.forced_colour

    @property
    def gone(self) -> bool:
        return self.screen.out.gone

    @property
    def attended(self) -> bool:
        return prompt.attended(self.screen)

    def ask(self, question: str) -> bool:
        self._print(self.story.plan_lines(self.width))
        return prompt.ask(self.screen, question)

    def on(self, event: Event) -> None:
        self.story.hear(event)
        self._tell_plans_before(event)
        match event:
            case Started():
                opening = self.story.opening(event)
                self._print([opening] if opening else [])
            case Resolved():
                self._print([self.story.resolved(event)])
            case HostState():
                self._state(event)
            case StepStarted():
                self._begin(event)
            case Output():
                self._output(event)
            case StepFinished():
                self._step(event)
            case Notice():
                self._notice(event)
            case LogLine():
                self._print([[(f"{self.story.log_label(event)} | ", "dim"), (clean(event.line), "")]])
            case Document():
                self.screen.out.write(event.text)
            case Looked():
                self._board(event)
            case Error():
                self.screen.out.flush()
                self._print(error_lines(event), self.screen.err)
            case Finished():
                self._ending(event)

    def _tell_plans_before(self, event: Event) -> None:
        """They are told together: hosts that agree share their lines."""
        if not isinstance(event, Planned):
            self._print(self.story.plan_lines(self.width))

    def close(self) -> None:
        self.screen.out.flush()

    def _state(self, event: HostState) -> None:
        if self.screen.verbose or event.state not in QUIET_STATES:
            detail = f": {clean(event.detail)}" if event.detail else ""
            self._print([[*self.story.label(event.host), (clean(event.state) + detail, "dim")]])

    def _begin(self, event: StepStarted) -> None:
        if self.screen.verbose:
            self._print([[*self.story.label(event.host, event.service), (event.step, "dim")]])

    def _output(self, event: Output) -> None:
        if self.screen.verbose:
            bar: Line = [("| ", "dim"), (clean(event.line), "")]
            self._print([[*self.story.label(event.host, event.service), *bar]])

    def _step(self, event: StepFinished) -> None:
        tail, why = self.story.tail(event), self.story.why(event)
        label = [*self.story.label(event.host, event.service), (event.step.ljust(STEP) + "  ", "")]
        if event.ok:
            done: Line = [("ok  ", "good"), (duration(event.seconds), "dim")]
            same: Line = [(f"{self.screen.marks.same}   already so", "dim")]
            self._print([[*label, *(done if event.changed else same)]])
            return
        if event.stopped:
            self._print([[*label, ("stopped", "dim"), (f"  {duration(event.seconds)}", "dim")]])
            return
        self._print([[*label, ("FAILED", "bad"), (f"  {duration(event.seconds)}", "dim")]])
        self._print([[("    | ", "dim"), (line, "")] for line in tail])
        self._print([[("    ", ""), (line, "bad")] for line in why])

    def _notice(self, event: Notice) -> None:
        mark: Line = [("! ", "bad")] if event.level == "warning" else []
        self._print([[*self.story.label(event.host), *mark, (line, "")] for line in clean_lines(event.message)])

    def _board(self, event: Looked) -> None:
        at = clean(event.at).replace("T", " ").replace("Z", " UTC")
        self._print([[(at, "head")], *self.story.board.lines(WIDTH), []])

    def _ending(self, event: Finished) -> None:
        if self.story.watched:
            return
        lines = self.story.ending(event, WITHOUT_END if event.command == "config" else self.width)
        # A command that only shows a table needs no space above it.
        self._print([[], *lines] if self.story.progressed and len(lines) > 1 else lines)

    def _print(self, lines: list[Line], stream: Stream | None = None) -> None:
        stream = stream or self.screen.out
        for line in lines:
            stream.write(self._painted(line) + "\n")
        stream.flush()

    def _painted(self, line: Line) -> str:
        if not self.coloured:
            return text_of(line)
        return "".join(f"\x1b[{self.codes[tone]}m{text}\x1b[0m" if tone else text for text, tone in line)
