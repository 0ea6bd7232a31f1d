"""Status again and again: one connection a host, which tells what has changed."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from msgspec.structs import replace

from . import events, facts, protocol, results, settings
from .status import rows
from .subscription import Subscription

if TYPE_CHECKING:
    from ..inventory.model import Target
    from ..reports import Reporter
    from .facts import Facts
    from .fleet import Message, Peer

# Seconds between two looks at what has become of it, where no host says anything.
EVERY = 1.0


def watch(targets: tuple[Target, ...], report: Reporter, environment: str) -> events.Finished:
    """Until a signal, or until nobody reads any more."""
    subscription = Subscription(targets, report, lambda peer: settings.status(peer, watch=True), lasting=True)
    report.on(events.Started(
        command="status", environment=environment, hosts=[peer.name for peer in subscription.peers],
        services=sorted({target.service.name for target in targets})))
    board = StatusWatch(report, environment)
    for heard in subscription.messages():
        if heard is not None:
            board.hear(*heard)
        board.show(subscription.peers)
    return replace(results.read("status", subscription.peers), exit_code=subscription.exit_code)


class StatusWatch:
    """What was told of each row; only what is new is told again."""

    def __init__(self, report: Reporter, environment: str) -> None:
        self._report = report
        self._environment = environment
        self._heard: dict[str, dict[str, tuple[Facts, float]]] = {}      # by host and service; when
        self._looked: set[str] = set()
        self._told: dict[tuple[str, str], events.Status] = {}
        self._due = 0.0

    def hear(self, peer: Peer, message: Message) -> None:
        kind = message["event"]
        heard = self._heard.setdefault(peer.name, {})
        if kind == "facts":
            for name, found in message["services"].items():
                peer.odd.pop(name, None)
                heard[name] = facts.read(found), time.monotonic()
        elif kind == "odd":
            peer.odd[message["service"]] = protocol.odd(message)
            heard.pop(message["service"], None)
        elif kind == "lost":
            heard.clear()
        if kind in ("looked", "lost"):
            self._looked.add(peer.name)
            self._due = 0.0

    def show(self, peers: list[Peer]) -> None:
        """Once all have been heard: what is new; also as time goes by, for some of it is odd only for a while."""
        if time.monotonic() < self._due or len(self._looked) < len(peers):
            return
        self._due = time.monotonic() + EVERY
        for peer in peers:
            peer.facts = {name: _aged(*found) for name, found in self._heard.get(peer.name, {}).items()}
        found = rows(self._environment, peers)
        new = [row for row in found if _lasting(row) != self._told.get((row.host, row.service))]
        for row in new:
            self._told[row.host, row.service] = _lasting(row)
            self._report.on(row)
        if new:
            now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._report.on(events.Looked(at=now))


def _aged(found: Facts, heard: float) -> Facts:
    """As it would be told now, where nothing has happened."""
    now = None if found.program.now is None else found.program.now + round(time.monotonic() - heard)
    return replace(found, program=replace(found.program, now=now))


def _lasting(row: events.Status) -> events.Status:
    return replace(row, uptime=None)
