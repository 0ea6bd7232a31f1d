"""Hands on the answers of hosts in the order of their names, so that each can be read as a whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..events import LogLine, Notice

if TYPE_CHECKING:
    from ..events import Event, Listener

ROOM = 4_000_000                # characters that are held back, of all hosts together


class HostOrder:
    """A listener in front of `report`: what a host says waits until the hosts before it have ended.

    A host that says more than its share of ROOM waits no longer: its lines come early, and none is lost.
    """

    def __init__(self, report: Listener, hosts: Sequence[str]) -> None:
        self._report = report
        self._coming = deque(hosts)
        self._ended: set[str] = set()
        self._held: dict[str, list[Event]] = {host: [] for host in hosts[1:]}
        self._room = dict.fromkeys(hosts, ROOM // max(len(hosts), 1))

    @property
    def gone(self) -> bool:
        return self._report.gone

    def close(self) -> None:
        self._report.close()

    def on(self, event: Event) -> None:
        if not isinstance(event, LogLine | Notice) or event.host not in self._held:
            self._report.on(event)
            return
        self._held[event.host].append(event)
        self._room[event.host] -= len(event.line if isinstance(event, LogLine) else event.message)
        if self._room[event.host] < 0:
            self._release(event.host)

    def end(self, hosts: Iterable[str]) -> None:
        """These hosts will say no more."""
        self._ended.update(hosts)
        while self._coming and self._coming[0] in self._ended:
            self._coming.popleft()
            if self._coming:
                self._release(self._coming[0])

    def release(self) -> None:
        """Hand on all that is held back."""
        self._release(*self._coming)

    def _release(self, *hosts: str) -> None:
        for host in hosts:
            for event in self._held.pop(host, []):
                self._report.on(event)
