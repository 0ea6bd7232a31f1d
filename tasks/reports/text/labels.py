"""The labels in front of facts: host, service and more, each in a column of its own."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from ...rollout.events import Check, LogLine
from .table import Line

# Columns.
OUTCOME = len("warning")
CHECK = len("supervisord")
CHECK_TONES = MappingProxyType({"ok": "good", "warning": "head", "failed": "bad"})


class Labels:
    """Those of a command for these hosts and services."""

    def __init__(self, hosts: Sequence[str] = (), services: Sequence[str] = ()) -> None:
        self._services = services
        self._host_width = max(map(len, hosts), default=0)
        self._service_width = max(map(len, services), default=0)

    def names(self, host: str | None, service: str | None = None) -> Line:
        """Aligned names in front of a fact; the service only where several could be meant."""
        line: Line = [(host.ljust(self._host_width) + "  ", "")] if host else []
        if service and len(self._services) != 1:
            line.append((service.ljust(self._service_width) + "  ", ""))
        return line

    def check(self, event: Check) -> Line:
        return [*self.names(event.host), (event.outcome.ljust(OUTCOME) + "  ", CHECK_TONES[event.outcome]),
                (event.check.replace("_", " ").ljust(CHECK) + "  ", "")]

    def log_line(self, event: LogLine) -> str:
        """The process where there are several of a service; else the service, where there are several. Standard error,
        where it has a log of its own. A run log is of all services: its lines name them."""
        names = [event.host.ljust(self._host_width)]
        if event.process not in ("", event.service):
            names.append(event.process.ljust(self._service_width))
        elif len(self._services) > 1 and event.service in self._services:
            names.append(event.service.ljust(self._service_width))
        return " ".join([*names, "stderr"] if event.stream == "stderr" else names)
