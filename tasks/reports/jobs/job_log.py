"""The base of formats for the log of a job: a short line as each step begins, and at the end a section for each host.

A log is one stream, and GitLab cuts it off at 4 MB: what the hosts print is kept until they have ended, and of too
much only the end.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime

from ...rollout.events import BACK, Batch, Error, Finished, Output, Started, StepFinished, StepStarted
from ..console.plain import STEP, Plain
from ..screen import Screen
from ..text.humanize import count, duration, in_words
from ..text.table import Line
from ..text.tail import Tail
from ..text.verdict import SETTLED

ROOM = 3_000_000                # bytes of all sections together; the rest of the 4 MB is for the short lines
STAMP = 33                      # GitLab puts a time before each line, and a line break behind it


class Record(Tail):
    """The steps and the output of one host: the last `room` bytes of them."""

    def __init__(self, room: int, now: datetime) -> None:
        super().__init__(room, size=_size)
        self.failed = False
        self.begun = now
        self.ended = now


class JobLog(Plain):
    """The log shows 16 colours, and neither dim nor reversed text; no terminal says how wide it is."""

    width = 100
    stamps = False                  # the log has the time of each line
    codes = {"dim": "90", "good": "32", "bad": "31", "head": "1"}       # noqa: RUF012

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self.coloured = not screen.environ.get("NO_COLOR")
        self.deploy = ""
        self.records: dict[str, Record] = {}
        self.batches: dict[str, int] = {}           # by host; of those that were reached

    @property
    def attended(self) -> bool:
        return False

    def _started(self, event: Started) -> None:
        self.deploy = event.deploy
        now = self.screen.now()
        self.records = {host: Record(ROOM // max(len(event.hosts), 1), now) for host in event.hosts}
        super()._started(event)

    def _batch(self, event: Batch) -> None:
        self.batches.update(dict.fromkeys(event.hosts, event.number))
        super()._batch(event)

    def _error(self, event: Error) -> None:
        if event.host in self.records:
            self.records[event.host].failed = True
        super()._error(event)

    def _step_started(self, event: StepStarted) -> None:
        self._print([[*self.transcript.labels.names(event.host, event.service), (event.step, "")]])
        # What runs where fab runs has a section, too.
        record = self.records.setdefault(event.host, Record(ROOM // max(len(self.records), 1), self.screen.now()))
        if not record.lines:
            record.begun = self.screen.now()
        service = f"{event.service}  " if len(self.transcript.services) > 1 else ""
        record.add(self._painted([(service + event.step, "head")]))

    def _output(self, event: Output) -> None:
        self._keep(event.host, [("  | ", "dim"), (event.line, "")])

    def _step_finished(self, event: StepFinished) -> None:
        tail = self.transcript.tail(event)
        reasons = self.transcript.reasons(event)
        result = self._result_of(event)
        self._keep(event.host, [("  ", ""), *result])
        self._keep(event.host, *([("  ", ""), (line, "bad")] for line in reasons if not event.ok))
        self.records[event.host].ended = self.screen.now()
        if not event.ok:
            label = [*self.transcript.labels.names(event.host, event.service), (event.step.ljust(STEP) + "  ", "")]
            self._print([[*label, *result]])
            if not event.stopped:
                # All of it is in the section, which comes later: a hint may say that the last lines are above.
                self._print([[("    | ", "dim"), (line, "")] for line in tail])
                self._print([[("    ", ""), (line, "bad")] for line in reasons])
                self.records[event.host].failed = True

    def _result_of(self, event: StepFinished) -> Line:
        if event.ok and not event.changed:
            return [("unchanged", "dim")]
        word: Line = [("ok", "good")] if event.ok else [("stopped", "dim")] if event.stopped else [("FAILED", "bad")]
        return [*word, (f"  {duration(event.seconds)}", "dim")]

    def _keep(self, host: str, *lines: Line) -> None:
        for line in lines:
            self.records[host].add(self._painted(line))

    def _finished(self, event: Finished) -> None:
        for host, record in self.records.items():
            if record.lines:
                outcomes = _outcomes(event, host)
                is_settled = outcomes <= SETTLED
                is_fine = is_settled or (outcomes <= BACK and not record.failed)
                tone = "bad" if not is_fine else "good" if is_settled else ""
                words = ", ".join(sorted(in_words(outcome, event.command) for outcome in outcomes))
                batch: Line = [(f", batch {self.batches[host]}", "dim")] if host in self.batches else []
                header = [*self.transcript.labels.names(host), (words, tone), *batch]
                self._begin_section(f"{event.command}-{host}", record, is_fine, header)
                self._print_record(host, record)
                self._end_section()
        super()._finished(event)

    @abstractmethod
    def _begin_section(self, name: str, record: Record, is_fine: bool, header: Line) -> None:
        """`is_fine`: nobody need look into it."""

    @abstractmethod
    def _end_section(self) -> None: ...

    def _print_record(self, host: str, record: Record) -> None:
        if record.left_out:
            where = f"; all of it is on {host}, below its root: .fabvisor/runs/{self.deploy}.log"
            self._print([[(f"{count(record.left_out, 'line')} left out{where}", "dim")]])
        for line in record.lines:
            self.screen.out.write(line + "\n")


def _size(line: str) -> int:
    return len(line.encode("utf-8", "replace")) + STAMP


def _outcomes(event: Finished, host: str) -> set[str]:
    return {result.outcome for result in event.hosts.get(host, {}).values()} or {event.outcome}
