"""`fab status --watch`: one lasting connection to each host, which reports what has changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from msgspec import UNSET
from msgspec.structs import replace

from .. import events, protocol
from ..peers import results, settings
from .status import rows
from .subscription import Subscription

if TYPE_CHECKING:
    from ...inventory.model import Target
    from ..facts import Facts, Process
    from ..peers.peer import Peer
    from ..peers.peer_events import PeerEvent

# Seconds between two looks at the rows: where no host says anything, and where many do.
EVERY = 1.0
SOON = 0.1


def watch(targets: tuple[Target, ...], report: events.Listener, environment: str, named: Mapping[str, list[str]]
          ) -> events.Finished:
    """Until a signal, or until nobody reads any more. `named` as in query.show_status()."""
    subscription = Subscription(
        targets, report, "status", lambda peer: settings.status(peer, named.get(peer.name), watch=True), lasting=True)
    report.on(events.Started(
        command="status", environment=environment, hosts=[peer.name for peer in subscription.peers],
        services=sorted({target.service.name for target in targets}),
        programs=settings.named_programs(targets) or UNSET))
    status_watch = StatusWatch(report, environment)
    for heard in subscription.events():
        if heard is not None:
            status_watch.hear(*heard)
        status_watch.show(subscription.peers)
    return replace(results.read("status", subscription.peers), exit_code=subscription.exit_code)


class StatusWatch:
    """Remembers what each row showed, and reports a row only when it has changed."""

    def __init__(self, report: events.Listener, environment: str) -> None:
        self._report = report
        self._environment = environment
        self._facts: dict[str, dict[str, tuple[Facts, float]]] = {}      # by host and service; when they came
        self._looked: set[str] = set()
        self._shown: dict[tuple[str, str], events.Status] = {}
        self._due = 0.0
        self._shown_at = 0.0

    def hear(self, peer: Peer, event: PeerEvent) -> None:
        known = self._facts.setdefault(peer.name, {})
        match event:
            case protocol.Facts():
                for name, facts in event.services.items():
                    peer.odd.pop(name, None)
                    known[name] = facts, time.monotonic()
            case protocol.Odd():
                known.pop(event.service, None)
        if peer.is_over:
            known.clear()
        if peer.is_over or isinstance(event, protocol.Looked):
            self._looked.add(peer.name)
            self._due = min(self._due, self._shown_at + SOON)

    def show(self, peers: list[Peer]) -> None:
        """Report what is new, once all hosts have looked; also as time goes by, for some oddities end by themselves."""
        if time.monotonic() < self._due or len(self._looked) < len(peers):
            return
        self._shown_at = time.monotonic()
        self._due = self._shown_at + EVERY
        for peer in peers:
            peer.facts = {name: _aged(*known) for name, known in self._facts.get(peer.name, {}).items()}
        new = [row for row in rows(self._environment, peers)
               if _lasting(row) != self._shown.get((row.host, row.service))]
        for row in new:
            self._shown[row.host, row.service] = _lasting(row)
            self._report.on(row)
        if new:
            now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._report.on(events.Looked(at=now))


def _aged(facts: Facts, heard: float) -> Facts:
    """The facts as they would be now, had nothing happened since."""
    seconds = round(time.monotonic() - heard)
    return replace(facts, programs={group: [_process_aged(process, seconds) for process in processes]
                                    for group, processes in facts.programs.items()})


def _process_aged(process: Process, seconds: int) -> Process:
    return process if process.now is None else replace(process, now=process.now + seconds)


def _lasting(row: events.Status) -> events.Status:
    return replace(row, uptime=None, programs=[replace(program, uptime=None) for program in row.programs])
