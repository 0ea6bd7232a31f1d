"""Tells others how a command ended: it hears all events, and acts at the last one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from ..inventory.model import Notification
from ..inventory.secret import Secret
from ..reports.jsonl import encoded
from ..reports.reporter import Reporter
from ..rollout import signals
from ..rollout.events import Error, Event, Finished, Notice, Resolved, Started
from .attempt import Attempt, await_all
from .team_command import TeamCommand
from .text import text
from .webhook import Webhook


class Recipient(Struct, frozen=True, kw_only=True):
    """Somebody to tell. `url`: of a webhook; `problem`: why there is none."""

    notification: Notification
    url: Secret | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        return self.notification.webhook or self.notification.run.split("\n")[0]


class Notifier(Reporter):
    """`by`: who gave the command, and perhaps the URL of the job; `folder`: of hosts.yaml. Whatever goes wrong is one
    warning through `report`, without what `mask` hides."""

    def __init__(self, recipients: Iterable[Recipient], by: str, folder: Path, report: Callable[[Event], None],
                 mask: Callable[[str], str]) -> None:
        self._recipients = list(recipients)
        self._by = by
        self._folder = folder
        self._report = report
        self._mask = mask
        self._started: Started | None = None
        self._begun = 0.0
        self._resolved: dict[str, Resolved] = {}
        self._errors: list[Error] = []

    def show(self, event: Event) -> None:
        match event:
            case Started() if event.command != "plan":      # which comes first where the environment says `confirm`
                self._started = event
                self._begun = time.monotonic()
            case Resolved():
                self._resolved[event.service] = event
            case Error():
                self._errors.append(event)
            case Finished() if self._started:
                try:
                    self._tell(self._started, event)
                except Exception as error:
                    self._warn(f"{type(error).__name__}: {error}")

    def _tell(self, started: Started, finished: Finished) -> None:
        kind = "failed" if finished.exit_code else "committed" if finished.outcome == "committed" else ""
        recipients = [each for each in self._recipients if kind in each.notification.on]
        if not recipients:
            return
        message = text(started, self._resolved, self._errors, finished, self._by, time.monotonic() - self._begun)
        stop = threading.Event()
        # A signal ends the wait, and not the command: how it ended is decided.
        with signals.handled(lambda number: stop.set(), lambda: finished.exit_code):
            attempts = [(each.name, self._attempt(each, message, finished)) for each in recipients if not each.problem]
            problems = await_all(attempts, stop)
        problems += [(each.name, each.problem) for each in recipients if each.problem]
        for name, problem in problems:
            self._warn(f"{name}: {problem}")

    def _warn(self, problem: str) -> None:
        self._report(Notice(level="warning", message=f"notify: {problem}; the outcome does not depend on it"))

    def _attempt(self, recipient: Recipient, message: str, finished: Finished) -> Attempt:
        if recipient.url is not None:
            return Webhook(recipient.url, message)
        given = encoded(finished, "utf-8").encode() + b"\n"
        return TeamCommand(recipient.notification.run, self._folder, given, self._mask)
