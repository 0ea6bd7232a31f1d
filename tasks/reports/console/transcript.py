"""The memory of formats for people: what earlier events mean for the lines that come."""

from __future__ import annotations

from collections import deque

from ...rollout.events import (
    Check,
    Error,
    Event,
    Finished,
    History,
    LogLine,
    Looked,
    Output,
    Planned,
    Resolved,
    Setting,
    Started,
    Status,
    StepFinished,
    StepStarted,
)
from ..screen import Screen
from ..status.status_table import StatusTable
from ..text.error_lines import hint_lines
from ..text.humanize import count, text_lines
from ..text.labels import Labels
from ..text.table import Line
from ..text.tail import Tail
from ..text.verdict import READING, is_refused_plan, verdict
from .history import history_lines
from .plans import brief_lines, full_lines, obstacles
from .results import deploy_lines, deployed_lines, result_lines
from .settings import setting_lines
from .step_times import StepTimes

# Of a step's output: what is shown when it fails.
TAIL_LINES = 20
TAIL_ROOM = 16 * 1024               # characters
# Of what was shown, so that it need not be shown twice.
REMEMBERED = 1000                   # lines
BEGINNING = 500                     # characters of each

Step = tuple[str, str]              # service, step


class Transcript:
    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.hosts: list[str] = []
        self.services: list[str] = []
        self.labels = Labels()
        self.statuses = StatusTable(screen.marks, screen.clock, screen.now)
        self.watched = False
        self.has_progress = False
        self.has_lines = False                                  # above the table, where that is shown
        self._has_steps = False
        self._settings: list[Setting] = []
        self._history: list[History] = []
        self._plans: list[Planned] = []
        self._in_full = False
        self._obstructed = False
        self._warnings = 0                                      # of `fab doctor`
        self._remedies: set[tuple[str, str]] = set()            # with their hosts
        self._shown: deque[str] = deque(maxlen=REMEMBERED)
        self._failures: deque[str] = deque(maxlen=REMEMBERED)
        self._tails: dict[str, tuple[Step, Tail]] = {}          # by host: it runs one step at a time
        self.step_times = StepTimes()
        self._begun: float | None = None
        self._started: Started | None = None
        self._resolved: dict[str, Resolved] = {}                # by service

    def add(self, event: Event) -> None:
        self._warnings += isinstance(event, Check) and event.outcome == "warning"
        self.has_lines |= isinstance(event, LogLine)
        match event:
            case Started():
                self._started = event
                self.hosts = event.hosts
                self.services = event.services
                self.labels = Labels(event.hosts, event.services)
                self.has_progress = self.has_lines = event.command not in READING
                self._begun = self.screen.clock()
                self._in_full = event.command == "plan"
            case Resolved():
                self._resolved[event.service] = event
            case StepFinished():
                self.step_times.add(event)
            case Planned():
                self._plans.append(event)
            case Status():
                self.statuses = self.statuses.after(event)
            case Looked():
                self.watched = True
            case History():
                self._history.append(event)
            case Setting():
                self._settings.append(event)
            case StepStarted():
                self._has_steps = True
                self._tails[event.host] = ((event.service, event.step), _tail())
            case Output():
                self._tail_of(event).add(event.line)
            case Error():
                for line in text_lines(event.message)[:1]:
                    self._shown += [_beginning(line), _beginning(line.removeprefix(f"{event.host}: "))]

    def tail(self, event: StepFinished) -> list[str]:
        """The last lines that a step printed; asked once, when it has ended."""
        lines = list(self._tail_of(event).lines)
        self._tails.pop(event.host, None)
        return lines

    def reasons(self, event: StepFinished) -> list[str]:
        """Why a step failed, line by line."""
        lines = text_lines(event.why or "")
        for line in lines[:1]:
            self._shown.append(_beginning(line))
            self._failures.append(line[:BEGINNING])
        return lines

    def is_shown(self, line: str) -> bool:
        return _beginning(line) in self._shown

    def repeats(self, error: Error) -> bool:
        """It says why a step failed, which stands above it."""
        first = "".join(text_lines(error.message)[:1])
        return any(first.endswith(f": {why}") for why in self._failures)

    @property
    def has_plans(self) -> bool:
        return bool(self._plans)

    def remedy(self, check: Check) -> list[Line]:
        """Once a host: several checks may fail for one cause."""
        is_shown = (check.host, check.remedy) in self._remedies
        self._remedies.add((check.host, check.remedy))
        return [] if is_shown else hint_lines(check.remedy)

    def plan_lines(self, width: int) -> list[Line]:
        """Of the plans since the last time."""
        plans, self._plans = self._plans, []
        self._obstructed = any(map(obstacles, plans))
        return (full_lines if self._in_full else brief_lines)(plans, width, self.screen.marks)

    def ending(self, finished: Finished, width: int) -> list[Line]:
        """The table, an empty line, the verdict."""
        seconds = 0.0 if self._begun is None else self.screen.clock() - self._begun
        sentence = verdict(finished, seconds)
        # What the verdict says need not stand in the table too.
        self._shown.append(_beginning(sentence.partition(": ")[2]))
        lines = self._table(finished, width)
        obstructed = self._in_full and self._obstructed and not finished.exit_code
        if sentence:
            lines += [[]] if lines else []
            lines += self._deployed(finished)
            sentence += "; see the lines marked !" if obstructed else ""
            sentence += f"; {count(self._warnings, 'warning')}" if self._warnings else ""
            lines.append([(sentence, "bad" if finished.exit_code or obstructed else "good")])
        return lines

    def _deployed(self, finished: Finished) -> list[Line]:
        """Nothing of a plan, or where nothing changed. Of a deploy that failed once it had begun, its id."""
        if self._started is None or not self.has_progress:
            return []
        if finished.exit_code:
            return deploy_lines(self._started) if self._has_steps else []
        has_changed = finished.outcome not in ("unchanged", "restored")
        return deployed_lines(self._started, self._resolved.values()) if has_changed else []

    def _table(self, finished: Finished, width: int) -> list[Line]:
        marks = self.screen.marks
        if finished.command == "status":
            return self.statuses.lines(width, finished)
        if finished.command == "history" and (self._history or not finished.exit_code):
            return history_lines(self._history, width, marks, self.screen.now())
        if finished.command == "config":
            return setting_lines(self._settings, width, marks)
        if finished.command in ("doctor", "setup") or is_refused_plan(finished):
            return []
        if finished.command in READING and finished.exit_code in (0, 129, 130, 143):
            return []
        return result_lines(finished, width, marks, self.is_shown)

    def _tail_of(self, event: Output | StepFinished) -> Tail:
        step = (event.service, event.step)
        current = self._tails.get(event.host)
        if current is None or current[0] != step:
            current = self._tails[event.host] = (step, _tail())
        return current[1]


def _tail() -> Tail:
    return Tail(TAIL_ROOM, TAIL_LINES)


def _beginning(line: str) -> str:
    return line[:BEGINNING]
