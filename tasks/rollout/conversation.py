"""Listening to all hosts at once, until something is so. What a host says becomes what we know of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .. import _errors as errors
from . import events, facts, protocol, results
from .fetch_limit import FetchLimit

if TYPE_CHECKING:
    from .fleet import Fleet, Message, Peer

ENDINGS = ("committed", "restored", "end")
TROUBLE = ("failed", "problem", "not_ready", "unusable")


class Stop(Exception):
    """The command cannot go on; what was begun is undone."""

    def __init__(self, error: errors.FabvisorError) -> None:
        super().__init__(error.message)
        self.error = error


def tell_errors(peers: list[Peer], report: events.Listener) -> None:
    for peer in peers:
        if peer.error:
            report.on(events.of_error(peer.error, peer.name))


class Conversation:
    """`holding`: from now on hear everybody out; neither a signal nor a host's trouble stops the listening."""

    def __init__(self, fleet: Fleet, report: events.Listener) -> None:
        self.fleet = fleet
        self.peers = self.fleet.peers
        self.report = report
        self.gate = FetchLimit()
        self.holding = False
        self.resolved: dict[str, Message] = {}

    def tell(self, peers: Iterable[Peer], message: Message) -> None:
        for peer in peers:
            peer.send(message)

    def signalled(self, number: int) -> None:
        """For a signal handler: safe at any moment."""
        self.fleet.inbox.put((None, {"event": "signal", "number": number}))

    def leave(self) -> None:
        """For a second Ctrl-C."""
        words = "left; the hosts go back by themselves: fab status tells, fab recover waits for it"
        self.report.on(events.Notice(message=words, level="warning"))
        self.report.close()

    def wait_connected(self) -> None:
        self.until(lambda: all(peer.connected or peer.error for peer in self.peers))
        self.stop_on_trouble()

    def agree(self, phase: str, peers: list[Peer]) -> None:
        """Wait until this phase is over on all of them; raises Stop as soon as one cannot."""
        self.until(lambda: all(peer.done == phase or peer.error for peer in peers)
                   or any(peer.error for peer in peers))
        self.stop_on_trouble()

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def until(self, done: Callable[[], bool]) -> None:
        if done():
            return
        for peer, message in self.fleet.messages():
            if message.get("event") == "signal" and not self.holding:
                raise Stop(errors.Interrupted(message["number"]))
            if peer is not None:
                self._hear(peer, message)
            self._look_at_the_clock()
            if done():
                return

    def stop_on_trouble(self) -> None:
        """Tell every host's trouble, and stop with the one that counts."""
        found = [peer.error for peer in self.peers if peer.error]
        tell_errors(self.peers, self.report)
        if found:
            raise Stop(min(found, key=lambda error: results.PRECEDENCE.index(error.exit_code)))

    def _hear(self, peer: Peer, message: Message) -> None:
        kind = message["event"]
        told = protocol.event(peer.name, message)
        if told is not None:
            self.report.on(told)
        self.gate.hear(peer, message)
        if kind == "connected":
            peer.connected = True
            self.report.on(events.HostState(host=peer.name, state="connected"))
        elif kind == "locked":
            peer.refusal = None
            self.report.on(events.HostState(host=peer.name, state="locked"))
            peer.recovered.update((name, left["result"]) for left in message["recovered"] for name in left["services"])
            self._tell_recovered(peer, message)
        elif kind in TROUBLE:
            peer.error, peer.looked = protocol.error(peer, message), True
        elif kind == "done":
            peer.done = message["phase"]
        elif kind in ENDINGS:
            self._ended(peer, kind, message)
        elif kind == "gone":
            self._lose(peer, protocol.lost(peer))
        else:
            self._learn(peer, kind, message)

    def _learn(self, peer: Peer, kind: str, message: Message) -> None:
        """What it says of what is there."""
        if kind == "refused":
            peer.refusal, peer.looked = message, True
        elif kind == "facts":
            peer.facts.update((name, facts.read(found)) for name, found in message["services"].items())
            peer.looked = True
        elif kind == "resolved":
            self.resolved[message["service"]] = message
        elif kind == "compared":
            peer.compared[message["service"]] = message
        elif kind == "odd":
            peer.odd[message["service"]] = protocol.odd(message)
        elif kind == "history":
            peer.history.append(protocol.history(peer.name, message))
        elif kind == "heads":
            peer.heads = message["now"]

    def _ended(self, peer: Peer, kind: str, message: Message) -> None:
        if not peer.ending:
            peer.ending, peer.now, peer.why = kind, message.get("now", {}), message.get("why", "")

    def _tell_recovered(self, peer: Peer, message: Message) -> None:
        for left in message["recovered"]:
            done = "finished the commit of" if left["result"] == "committed" else "undid what was left of"
            self.report.on(events.Notice(host=peer.name, level="warning", message=(
                f"{done} deploy {left['deploy']} ({', '.join(left['services'])}) by {left['by']}")))

    def _look_at_the_clock(self) -> None:
        for peer in self.peers:
            if not peer.gone and peer.overdue():
                self._lose(peer, protocol.silent(peer))
                peer.close()

    def _lose(self, peer: Peer, error: errors.FabvisorError) -> None:
        peer.gone = True
        if not peer.ending:
            peer.error = peer.error or error
