"""Waits until hosts have come as far as the command needs them, and stops it when one of them cannot go on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ... import _errors as errors
from .. import events, protocol
from . import connection_errors, results
from .answer_limit import longest_answer
from .fetch_limit import AT_ONCE, FetchLimit
from .peer import Peer, State
from .peer_events import Connected, PeerEvent, Signalled

if TYPE_CHECKING:
    from .fleet import Fleet

T = TypeVar("T")


class Stop(Exception):
    """The command cannot go on; what was begun is undone."""

    def __init__(self, error: errors.FabvisorError) -> None:
        super().__init__(error.message)
        self.error = error


def report_errors(peers: list[Peer], report: events.Listener) -> None:
    for peer in peers:
        if peer.error:
            report.on(events.of_error(peer.error, peer.name))


def screen_event(host: str, event: PeerEvent) -> events.Event | None:
    """The event that reports receive for it; None where they need not know."""
    match event:
        case events.HostState() | events.StepStarted() | events.Output() | events.StepFinished() | events.Notice():
            return event
        case protocol.Log():
            return events.LogLine(host=host, service=event.service, process=event.process, stream=event.stream,
                                  line=event.line)
        case Connected():
            return events.HostState(host=host, state="connected")
        case protocol.Locked():
            return events.HostState(host=host, state="locked")
    return None


# What the host did with an interrupted deploy, in words.
RECOVERED = {
    "committed": "completed", "restored": "undid", "accepted": "kept what was left of",
    "replaced": "could not undo, and replaces,"}


class Conversation:
    """`holding`: from now on all hosts are heard out; a signal does not stop the command any more. `listeners` get each
    event of a peer, on the thread that waits."""

    def __init__(self, fleet: Fleet, report: events.Listener) -> None:
        self.fleet = fleet
        self.peers = fleet.peers
        self.report = report
        self.fetch_limit = FetchLimit()
        self.listeners: list[Callable[[Peer, PeerEvent], None]] = []
        self.holding = False

    def send(self, peers: Iterable[Peer], message: Mapping[str, Any]) -> None:
        for peer in peers:
            peer.send(message)

    def leave(self) -> int | None:
        """For a second Ctrl-C: say what becomes of the hosts. Returns 3 once one was told to commit."""
        committing = [peer.name for peer in self.peers if peer.commit_sent]
        message = "not waiting: the hosts go back by themselves; fab recover waits for them, fab status shows them"
        if committing:
            message = f"not waiting: {', '.join(committing)} may have committed: fab status shows what runs"
        with contextlib.suppress(Exception):    # a broken screen must not change the exit code
            self.report.on(events.Notice(message=message, level="warning"))
            self.report.close()
        return errors.NeedsPerson.exit_code if committing else None

    def wait_connected(self) -> None:
        self.wait(self.peers, lambda peer: peer.state is not State.CONNECTING)
        self.stop_on_error()

    def wait_begun(self) -> None:
        """Wait until each host has an interpreter that runs, for a command that is not sent to all hosts at once."""
        self.wait(self.peers, lambda peer: peer.session is not None and peer.session.began)
        self.stop_on_error()

    def await_phase(self, phase: str, peers: list[Peer]) -> None:
        """Wait until all these hosts have finished the phase; raises Stop as soon as any host cannot go on."""
        self.wait(peers, lambda peer: peer.phase == phase, stop_at_error=True)
        self.stop_on_error()

    def wait_for(self, work: Callable[[], T], cancel: Callable[[], None] | None = None) -> T:
        """Work on this machine while hosts are heard. Raises what the work raises, and Stop: then the work that can be
        cancelled has ended."""
        results: list[T] = []
        failures: list[Exception] = []

        def run() -> None:
            try:
                results.append(work())
            except Exception as error:
                failures.append(error)
            self.fleet.wake()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                self._receive()
        except Stop:
            if cancel is not None:
                cancel()
                thread.join()
            raise
        if failures:
            raise failures[0]
        return results[0]

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._receive()

    def wait(self, peers: Iterable[Peer], reached: Callable[[Peer], bool], *, stop_at_error: bool = False) -> None:
        """Wait until each host has reached it or has an error; with `stop_at_error` until the first has an error."""
        self._wait(peers, lambda peer: reached(peer) or peer.error is not None, stop_at_error)

    def wait_over(self, peers: Iterable[Peer]) -> None:
        """Wait until the conversation with each of these hosts is over."""
        self._wait(peers, lambda peer: peer.is_over, False)

    def wait_undone(self, peers: Iterable[Peer]) -> None:
        """Wait until each of these hosts has gone back: it has ended, or awaits hooks of the client."""
        self._wait(peers, lambda peer: peer.is_over or peer.is_undone, False)

    def stop(self, error: errors.FabvisorError) -> NoReturn:
        self.report.on(events.of_error(error))
        raise Stop(error)

    def stop_on_error(self) -> None:
        """Report every host's error, and stop with the one that counts."""
        raised = [peer.error for peer in self.peers if peer.error]
        report_errors(self.peers, self.report)
        if raised:
            raise Stop(results.worst_error(raised))

    def _wait(self, peers: Iterable[Peer], is_reached: Callable[[Peer], bool], stop_at_error: bool) -> None:
        """Only the host that was heard is looked at: waiting must not cost more with more hosts.

        A host that beats and never answers would hold everybody's locks: it is given up.
        """
        missing = {peer for peer in peers if not is_reached(peer)}
        limit = longest_answer(missing) * (1 + len(missing) // AT_ONCE)
        end = time.monotonic() + limit
        while missing:
            peer = self._receive()
            if time.monotonic() > end:
                for late in missing:
                    self.fleet.give_up(late, connection_errors.unanswered(late, limit))
                return
            if peer in missing and is_reached(peer):
                missing.discard(peer)
            if stop_at_error and peer and peer.error:
                return

    def _receive(self) -> Peer | None:
        """The peer that was heard; None in a silence."""
        heard = self.fleet.receive()
        if isinstance(heard, Signalled) and not self.holding:
            raise Stop(errors.Interrupted(heard.number))
        if not isinstance(heard, tuple):
            return None
        peer, event = heard
        shown = screen_event(peer.name, event)
        if shown is not None:
            self.report.on(shown)
        if isinstance(event, protocol.Locked):
            self._report_recovered(peer, event)
        for listener in self.listeners:
            listener(peer, event)
        self.fetch_limit.note(peer, event)
        return peer

    def _report_recovered(self, peer: Peer, event: protocol.Locked) -> None:
        for deploy in event.recovered:
            action = RECOVERED[deploy.result]
            self.report.on(events.Notice(host=peer.name, level="warning", message=(
                f"{action} the interrupted deploy {deploy.deploy} ({', '.join(deploy.services)}) by {deploy.by}")))
