"""What must be remembered of the events so far to tell the next one well."""

from __future__ import annotations

from collections import deque

from ..rollout.events import (
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
from .history import history_lines
from .humanize import clean, clean_lines, distance, listed, short
from .plans import brief_lines, full_lines, obstacles
from .results import result_lines
from .screen import Screen
from .settings import setting_lines
from .status_table import StatusTable
from .table import Line
from .verdict import READING, verdict

TAIL = 20
Step = tuple[str, str, str]


class Transcript:
    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.hosts: list[str] = []
        self.services: list[str] = []
        self.board = StatusTable(screen.marks, screen.clock, screen.now)
        self.settings: list[Setting] = []
        self.past: list[History] = []
        self.watched = False
        self.plans: list[Planned] = []
        self.in_full = False
        self.obstructed = False
        self.told: set[str] = set()
        self.failures: set[str] = set()
        self.progressed = False
        self._tails: dict[Step, deque[str]] = {}
        self._since: float | None = None

    def hear(self, event: Event) -> None:
        match event:
            case Started():
                self.hosts, self.services = event.hosts, event.services
                self._since = self.screen.clock()
                self.progressed = event.command not in READING
                self.in_full = event.command == "plan"
            case Planned():
                self.plans.append(event)
            case Status():
                self.board = self.board.after(event)
            case Looked():
                self.watched = True
            case History():
                self.past.append(event)
            case Setting():
                self.settings.append(event)
            case StepStarted():
                self._tails[event.host, event.service, event.step] = deque(maxlen=TAIL)
            case Error():
                first = clean_lines(event.message)[:1]
                self.told.update(first)
                self.told.update(line.removeprefix(f"{event.host}: ") for line in first)
            case Output():
                step = (event.host, event.service, event.step)
                self._tails.setdefault(step, deque(maxlen=TAIL)).append(clean(event.line))

    def tail(self, event: StepFinished) -> list[str]:
        """The last lines that a step printed; asked once, when it has ended."""
        lines = self._tails.pop((event.host, event.service, event.step), deque())
        # With --verbose every line has been shown as it came.
        return [] if self.screen.verbose else list(lines)

    def why(self, event: StepFinished) -> list[str]:
        lines = clean_lines(event.why or "")
        self.told.update(lines[:1])
        self.failures.update(lines[:1])
        return lines

    def repeats(self, error: Error) -> bool:
        """It says why a step failed, which stands above it."""
        first = "".join(clean_lines(error.message)[:1])
        return any(first.endswith(f": {why}") for why in self.failures)

    def label(self, host: str | None, service: str | None = None) -> Line:
        """Aligned names in front of a fact; the service only where several could be meant."""
        line: Line = [(padded(self.hosts, host) + "  ", "")] if host else []
        if service and len(self.services) != 1:
            line.append((padded(self.services, service) + "  ", ""))
        return line

    def log_label(self, event: LogLine) -> str:
        names = [padded(self.hosts, event.host)]
        if len(self.services) > 1:
            names.append(padded(self.services, event.service))
        return " ".join(names)

    def opening(self, event: Started) -> Line | None:
        if event.command in READING:
            return None
        services = ", ".join(map(clean, event.services))
        where = f"{clean(event.environment)}: {listed([clean(host) for host in event.hosts])}"
        way = "to" if event.command == "deploy" else "on"
        return [(f"{event.command} {services}", "head"), (f" {way} {where}", "dim")]

    def resolved(self, event: Resolved) -> Line:
        commit = short(event.commit)
        same = event.commit.startswith(event.revision)
        said = commit if same else f"{clean(event.revision)} is {commit}"
        line: Line = [(f"{clean(event.service)}: {said}", "")]
        back = distance(event.back, event.forward)
        line += [(f", {back}", "bad")] if back else []
        return [*line, (f"  {clean(event.subject)}", "dim")] if event.subject else line

    def plan_lines(self, width: int) -> list[Line]:
        """Of the plans so far; told once."""
        plans, self.plans = self.plans, []
        if not plans:
            return []
        self.obstructed = any(map(obstacles, plans))
        return (full_lines if self.in_full else brief_lines)(plans, width, self.screen.marks)

    def ending(self, finished: Finished, width: int) -> list[Line]:
        """The table, an empty line, the verdict."""
        seconds = 0.0 if self._since is None else self.screen.clock() - self._since
        said = verdict(finished, seconds)
        # What the verdict says need not stand in the table too.
        self.told.add(said.partition(": ")[2])
        lines = self._table(finished, width)
        obstructed = self.in_full and self.obstructed and not finished.exit_code
        if said:
            lines += [[]] if lines else []
            said += "; see the lines marked !" if obstructed else ""
            lines.append([(said, "bad" if finished.exit_code or obstructed else "good")])
        return lines

    def _table(self, finished: Finished, width: int) -> list[Line]:
        marks = self.screen.marks
        if finished.command == "status":
            return self.board.lines(width, finished)
        if finished.command == "history":
            return history_lines(self.past, width, marks, self.screen.now())
        if finished.command == "config":
            return setting_lines(self.settings, width, marks)
        if finished.command in READING and finished.exit_code in (0, 130, 143):
            return []
        return result_lines(finished, width, marks, self.told)


def padded(names: list[str], name: str) -> str:
    """A label as wide as the widest of its column."""
    return clean(name).ljust(max([0, *(len(clean(each)) for each in names)]))
