"""The base of the formats for people: which events they show, and that plans are shown together."""

from __future__ import annotations

from abc import abstractmethod

from ...rollout.events import (
    Batch,
    Check,
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
from ..reporter import Reporter
from ..screen import Screen
from ..text.table import Line
from ..text.visible import visible_line
from . import event_lines, prompt
from .transcript import Transcript


class TextReport(Reporter):
    """One method for each kind of event. A format overrides those that it shows."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.transcript = Transcript(screen)
        self.has_document = False           # standard output is a file then, such as hosts.yaml: it holds nothing else

    @property
    @abstractmethod
    def width(self) -> int:
        """Columns of a line."""

    @abstractmethod
    def _print(self, lines: list[Line]) -> None:
        """Write lines to standard output."""

    def _progress(self, lines: list[Line]) -> None:
        """The same, of a fact that has its time."""
        self._print(lines)

    def _tail(self, event: StepFinished) -> list[str]:
        """What the step printed last; nothing with --verbose, which has shown every line as it came."""
        lines = self.transcript.tail(event)
        return [] if self.screen.verbose else lines

    @property
    def gone(self) -> bool:
        return self.screen.out.gone

    @property
    def attended(self) -> bool:
        return prompt.attended(self.screen)

    def ask(self, question: str) -> bool:
        self._show_plans()
        return prompt.ask(self.screen, visible_line(question))

    def close(self) -> None:
        self.screen.out.flush()

    def show(self, event: Event) -> None:
        self.transcript.add(event)
        self._prepare(event)
        if isinstance(event, Planned):
            return              # plans are shown together, before what follows: hosts that agree share their lines
        self._show_plans()
        self._show(event)

    def _show(self, event: Event) -> None:
        match event:
            case Started():
                self.has_document = False
                self._started(event)
            case Resolved():
                self._progress([event_lines.resolved(event)])
            case HostState():
                self._host_state(event)
            case StepStarted() | Output() | StepFinished():
                self._show_step(event)
            case Batch():
                self._batch(event)
            case Notice():
                self._notice(event)
            case Check():
                self._check(event)
            case LogLine():
                self._log_line(event)
            case Document():
                self._document(event)
            case Looked():
                self._looked(event)
            case Error():
                self._error(event)
            case Finished():
                self._finished(event)

    def _show_step(self, event: StepStarted | Output | StepFinished) -> None:
        match event:
            case StepStarted():
                self._step_started(event)
            case Output():
                self._output(event)
            case StepFinished():
                self._step_finished(event)

    def _show_plans(self) -> None:
        if self.transcript.has_plans:           # the width of a terminal costs a system call
            self._print(self.transcript.plan_lines(self.width))

    def _batch(self, event: Batch) -> None:
        self._progress([event_lines.batch(event)])

    def _prepare(self, event: Event) -> None:
        """Before anything of it is printed."""

    def _started(self, event: Started) -> None: ...

    def _host_state(self, event: HostState) -> None: ...

    def _step_started(self, event: StepStarted) -> None: ...

    def _output(self, event: Output) -> None: ...

    def _step_finished(self, event: StepFinished) -> None: ...

    def _notice(self, event: Notice) -> None: ...

    def _check(self, event: Check) -> None: ...

    def _log_line(self, event: LogLine) -> None: ...

    def _document(self, event: Document) -> None:
        """Unchanged: for a file, or to be copied."""
        self.has_document = True
        self.screen.out.write(event.text)

    def _looked(self, event: Looked) -> None: ...

    def _error(self, event: Error) -> None: ...

    def _finished(self, event: Finished) -> None: ...
