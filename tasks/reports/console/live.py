"""The region that moves while a command runs: one line a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ...rollout.events import Event, HostState, Output, Planned, Started, StepFinished, StepStarted
from ..screen import Marks
from ..text.humanize import duration
from ..text.table import middle_cut, short_hosts

STEP = len("restoring")
STEPS = 20                      # that are over, and still shown
FRAMES_PER_SECOND = 10
WIDEST = 300                    # characters of a line of output
LONG = 3.0                      # seconds: of a step that took longer last time, the line says how long


class HostLine(Struct, frozen=True):
    """The current work of one host. `since` is a clock's reading, null while nothing is being timed."""

    host: str
    service: str = ""
    doing: str = ""
    since: float | None = None
    failed: bool = False
    ended: bool = False
    done: tuple[str, ...] = ()
    output: str = ""                    # the last line that the current step printed

    def after(self, event: Event, now: float) -> HostLine:
        match event:
            case HostState():
                detail = f": {event.detail}" if event.detail else ""
                return HostLine(self.host, doing=event.state + detail, done=self.done)
            case StepStarted():
                done = self.done if event.service == self.service else ()
                return HostLine(self.host, event.service, event.step, since=now, done=done)
            case Output():
                return replace(self, output=event.line.strip()[:WIDEST] or self.output)
            case StepFinished():
                done = (*self.done, event.step)[-STEPS:] if event.ok else self.done
                failed = not event.ok and not event.stopped
                return replace(self, doing=event.step, since=None, done=done, output="", ended=True, failed=failed)
        return self


class Region(Struct, frozen=True):
    """Immutable: a thread of rich draws it while the next one is made."""

    marks: Marks
    clock: Callable[[], float]
    lines: Mapping[str, HostLine] = {}
    services: tuple[str, ...] = ()
    names: dict[str, str] = {}
    last_times: Mapping[tuple[str, str, str], float] = {}      # by host, service and step

    def after(self, event: Event) -> Region:
        if isinstance(event, Started):
            lines = {host: HostLine(host) for host in event.hosts}
            return replace(self, lines=lines, services=tuple(event.services), names=short_hosts(event.hosts))
        if isinstance(event, Planned):
            seconds = {(event.host, event.service, step): seconds for step, seconds in event.seconds.items()}
            return replace(self, last_times={**self.last_times, **seconds})
        if not isinstance(event, HostState | StepStarted | Output | StepFinished):
            return self
        line = self.lines.get(event.host)
        if line is None and not isinstance(event, StepStarted):
            return self
        # A step of no host runs on this machine: it gets a line, too.
        after = (line or HostLine(event.host)).after(event, self.clock())
        return replace(self, lines={**self.lines, event.host: after}, names={event.host: event.host, **self.names})

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max((options.height or console.height) - 2, 1)
        hosts = list(self.lines.values())
        if len(hosts) > room:
            # Those that are busy or failed are the ones to look at.
            hosts.sort(key=lambda line: line.ended and not line.failed)
        for line in hosts[:room]:
            yield self._drawn(line, options.max_width)
        if hosts[room:]:
            yield Text(f"  and {len(hosts) - room} more", style="dim")

    def _drawn(self, line: HostLine, width: int) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(*self._mark(line)).append(" ")
        text.append(self._label(line, width) + "  ")
        if len(self.services) > 1:
            wide = min(max(map(len, self.services)), 20)
            text.append(middle_cut(line.service, wide, self.marks.cut).ljust(wide) + "  ")
        text.append(line.doing.ljust(STEP), style="red" if line.failed else "dim" if line.ended else "")
        taken = "" if line.since is None else duration(self.clock() - line.since)
        text.append(f"  {taken:>10}{self._last_time(line)}", style="dim")
        past = f" {self.marks.same} ".join(step for step in line.done if step != line.doing)
        beside = line.output.expandtabs() or past
        text.append(f"   {beside}" if beside else "", style="dim")
        text.rstrip()
        # rich's own ellipsis is not ASCII.
        text.truncate(width, overflow="ellipsis" if self.marks.cut == "…" else "crop")
        return text

    def _last_time(self, line: HostLine) -> str:
        last = self.last_times.get((line.host, line.service, line.doing), 0.0)
        return f", last time {duration(last)}" if line.since is not None and last > LONG else ""

    def _label(self, line: HostLine, width: int) -> str:
        names = {host: host for host in self.lines}
        if max(map(len, names)) > width // 3:
            names = self.names
        wide = min(max(map(len, names.values())), width // 3)
        return middle_cut(names[line.host], wide, self.marks.cut).ljust(wide)

    def _mark(self, line: HostLine) -> tuple[str, str]:
        if line.failed:
            return self.marks.bad, "red"
        if line.ended:
            return self.marks.ok, "green"
        frames = self.marks.spinner
        return frames[int(self.clock() * FRAMES_PER_SECOND) % len(frames)], "dim"
