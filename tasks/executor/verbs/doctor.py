"""The verb `doctor`: runs all checks at once, and tells what they find, check after check."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from .. import checks
from ..checks.host import ExaminedHost, Finding, failed, warning
from ..errors import Bug, HostError, as_host_error
from ..layout import Layout
from ..link import Link

LIMIT = 30.0                        # seconds for all checks together
TICK = 0.05                         # seconds


class OutOfTime(HostError):
    """A check took too long."""

    def __init__(self) -> None:
        super().__init__(f"no answer within {LIMIT:g} s", "see on the host what hangs: ps axf")


class Examination(threading.Thread):
    """One check on a thread of its own: one that hangs (a disk of the network) keeps no other back."""

    def __init__(self, check: checks.Check, host: ExaminedHost) -> None:
        super().__init__(daemon=True)
        self._check = check
        self._host = host
        self._findings: list[Finding] = []
        self._error: HostError | None = None

    def run(self) -> None:
        try:
            for finding in self._check(self._host):
                self._findings.append(finding)
        except Exception as error:
            self._error = as_host_error(error)

    def findings(self) -> list[Finding]:
        """So far; what keeps the check from its end is the last of them."""
        error = OutOfTime() if self.is_alive() else self._error
        if isinstance(error, Bug):
            error.hint = "report it with: " + error.trace
        return [*self._findings, *([failed(error.message, error.hint)] if error else [])]


def doctor(link: Link, hello: dict[str, Any], layout: Layout, env: dict[str, str]) -> None:
    """Send the clock, what each check finds, then the facts of each service."""
    link.answer({"event": "clock", "now": time.time()})
    deadline = time.monotonic() + LIMIT
    host = ExaminedHost(hello, layout, env, _bounded(deadline))
    running = {name: Examination(check, host) for name, check in checks.CHECKS.items()}
    for examination in running.values():
        examination.start()
    causes: dict[str, str] = {}
    for name, examination in running.items():
        while examination.is_alive() and time.monotonic() < deadline + 1:
            link.raise_if_aborted()
            examination.join(TICK)
        for finding in examination.findings():
            outcome, message, remedy = _once(finding, name, causes)
            link.answer({"event": "check", "check": name, "outcome": outcome, "message": message, "remedy": remedy})
    for service, known in list(host.facts.items()):
        link.answer({"event": "facts", "services": {service: known}})


def _once(finding: Finding, name: str, causes: dict[str, str]) -> Finding:
    """The finding; or, where an earlier check failed for the same cause, that this one depends on that."""
    cause = causes.setdefault(finding.message, name) if finding.outcome == "failed" else name
    return finding if cause == name else warning(f"unknown while {cause} fails", finding.remedy)


def _bounded(deadline: float) -> Callable[[], None]:
    def check() -> None:
        if time.monotonic() > deadline:
            raise OutOfTime
    return check
