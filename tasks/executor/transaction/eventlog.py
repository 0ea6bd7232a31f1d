"""The events of a deploy: sent to the client, and written to the run log on this host."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, TextIO, cast

from ..disk import files
from ..errors import Aborted, Bug, as_host_error
from ..layout import Layout
from ..link import Link
from ..protocol import HostMessage

if TYPE_CHECKING:
    from ..steps import Result

KEPT_RUNS = 50
LARGEST_RUN = 64 << 20              # bytes
LARGEST_RUNS = 256 << 20            # bytes, of all run logs
LAST_LINES = 20                     # of a step's output, that users see also where the link is too slow for all of it


class Unsent:
    """Lines of output that were not sent: how many, and the last of them."""

    def __init__(self) -> None:
        self.count = 0
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def clear(self) -> None:
        self.count = 0
        self.last.clear()

    def add(self, line: str) -> None:
        self.count += 1
        self.last.append(line)


class EventLog:
    def __init__(self, link: Link) -> None:
        self._link = link
        self._log: TextIO | None = None
        self._unsent: dict[tuple[str, str], Unsent] = {}
        self.seconds: dict[str, dict[str, float]] = {}          # by service and step; of those that changed something

    def open_log(self, layout: Layout, deploy: str) -> None:
        """Begin the run log, and remove the oldest ones."""
        _remove_oldest(layout.runs)
        # A log that cannot be written must not end its deploy.
        with contextlib.suppress(OSError):
            fd = files.open_own(layout.run_log(deploy), os.O_WRONLY | os.O_APPEND)
            self._log = os.fdopen(fd, "a", encoding="utf-8", errors="replace", buffering=1)

    def event(self, event: str, **fields: Any) -> None:
        """Send and log it. Only lines of output may be left out, by output_of(): everything else always arrives."""
        self._link.answer(cast(HostMessage, dict(fields, event=event)))
        self._write(self._link.mask(in_words(event, **fields)))

    def note_progress(self) -> None:
        """Record progress, so that heartbeats continue."""
        self._link.note_progress()

    def waiting(self, detail: str) -> None:
        """Tell users what the host waits for."""
        self.event("host_state", state="waiting", detail=detail)

    def warn(self, message: str) -> None:
        """Tell users what they should know."""
        self.event("notice", level="warning", message=message)

    def output_of(self, service: str, step: str) -> Callable[[str], None]:
        """A function that takes the lines of output of that step. The run log has them all."""
        unsent = self._unsent[service, step] = Unsent()

        def say(line: str) -> None:
            if unsent.count and self._link.has_room():
                self._send_last_lines(service, step)
            message = cast(HostMessage, {"event": "output", "service": service, "step": step, "line": line})
            if unsent.count or not self._link.event(message):
                unsent.add(line)
            self._write(self._link.mask(in_words("output", service=service, step=step, line=line)))

        return say

    def _send_last_lines(self, service: str, step: str) -> None:
        """Reports the lines for which the link was too slow: how many, and the last of them."""
        unsent = self._unsent.get((service, step), Unsent())
        left_out = unsent.count - len(unsent.last)
        gap = [f"... {left_out} lines are left out here, because the connection is slow; "
               f"the run log has them: fab logs {service} --deploy last"] if left_out else []
        for line in [*gap, *unsent.last]:
            self._link.answer(cast(HostMessage, {"event": "output", "service": service, "step": step, "line": line}))
        unsent.clear()

    def step(self, service: str, step: str, run: Callable[[], Result]) -> Result:
        """Run a step between the events of its begin and its end."""
        self.event("step_started", service=service, step=step)
        begin = time.monotonic()
        result: Result | None = None
        why: str | None = None
        stopped = False
        try:
            result = run()
            return result
        except Aborted as error:
            why = error.message
            stopped = True
            raise
        except Exception as error:
            problem = as_host_error(error)
            why = problem.message
            if isinstance(problem, Bug):
                self._write(self._link.mask(problem.trace))
            raise
        finally:
            self._send_last_lines(service, step)
            seconds = round(time.monotonic() - begin, 3)
            has_changed = result is not None and result.changed
            if has_changed:
                self.seconds.setdefault(service, {})[step] = seconds
            self.event("step_finished", service=service, step=step, ok=result is not None, changed=has_changed,
                       seconds=seconds, why=why, stopped=stopped)

    def _write(self, text: str) -> None:
        if self._log is None:
            return
        with contextlib.suppress(OSError):
            if self._log.tell() < LARGEST_RUN:
                self._log.write(time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime()) + text + "\n")


def _remove_oldest(folder: str) -> None:
    """So many run logs stay, and so many bytes, with room for one more."""
    total = LARGEST_RUN
    for number, name in enumerate(sorted(os.listdir(folder), reverse=True)):
        path = os.path.join(folder, name)
        total += files.size_of(path)
        if number >= KEPT_RUNS or total > LARGEST_RUNS:
            files.remove(path)


def in_words(event: str, service: str = "", step: str = "", **fields: Any) -> str:
    """The event as a line of the run log."""
    if event == "step_started":
        words = "begins"
    elif event == "step_finished":
        words = _ending(**fields)
    elif event == "output":
        words = "| " + fields["line"]
    else:
        words = ": ".join(str(value) for value in fields.values() if value)
    return " ".join(filter(None, [service, step, words]))


def _ending(ok: bool, changed: bool, seconds: float, why: str | None, stopped: bool) -> str:
    outcome = "stopped" if stopped else "FAILED" if not ok else "ok" if changed else "unchanged"
    return f"{outcome}, {seconds:.1f} s" + (f": {why}" if why else "")
