"""Asks lost hosts, over new connections, how their deploy ended."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from ... import remote
from ..._errors import FabvisorError
from .. import protocol
from ..events import Error, HostState, Listener
from ..peers import settings
from ..peers.peer import Peer

if TYPE_CHECKING:
    from ...remote.sessions import Sessions

# Seconds. A host notices the loss within its lease; then it may have to build the old version again.
RESTORING = 60.0
MOST_WAITING = 16                       # messages that may wait to be read; then the host waits


def ask(peers: list[Peer], deploy: str, report: Listener) -> None:
    """Ask all at once, and conclude each peer; report where the ending stays unknown, with the command to type."""
    if not peers:
        return
    sessions = remote.sessions.Sessions("ask")
    for peer in peers:
        report.on(HostState(host=peer.name, state="asking"))
    answers: dict[str, list[protocol.Outcome] | FabvisorError] = {}
    threads = [threading.Thread(target=lambda peer=peer: answers.update(
        {peer.name: _answers(sessions, peer, deploy)}), daemon=True) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for peer in peers:
        conclude(peer, answers.get(peer.name, []))
        if not peer.ending:
            report.on(Error(host=peer.name, message=peer.why, hint=_remedy(peer)))


def conclude(peer: Peer, answers: list[protocol.Outcome] | FabvisorError) -> None:
    """`answers`: one of each service, none where the host did not answer; or why it could not be asked."""
    if isinstance(answers, FabvisorError):
        peer.conclude("", {}, f"it is not known how the deploy ended ({answers.message}); the host goes back by"
                              f" itself within {peer.host.lease:g} s, unless it has received the commit")
        return
    ending, why = _ending(peer, answers)
    peer.conclude(ending, {answer.service: answer.now for answer in answers}, why)


def _ending(peer: Peer, answers: list[protocol.Outcome]) -> tuple[str, str]:
    """The ending, empty where it is not known, and why."""
    trouble = peer.trouble or "the connection was lost"
    if {answer.service for answer in answers} != {*peer.services}:
        return "", f"{trouble}; it did not say how the deploy ended"
    if any(answer.result == "committed" for answer in answers):
        return ("committed", "") if peer.commit_sent else ("", f"{trouble}; it says that it committed, unasked")
    if any(answer.busy for answer in answers):
        return "", "it is still restoring the version before"
    if any(answer.due for answer in answers):
        return "", f"{trouble}; the deploy is not undone there yet; the next command undoes it"
    return "restored", trouble              # or it never began


def _answers(sessions: Sessions, peer: Peer, deploy: str) -> list[protocol.Outcome] | FabvisorError:
    inbox: queue.Queue[dict[str, Any] | None] = queue.Queue(MOST_WAITING)
    timeout = peer.host.lease + RESTORING
    try:
        session = sessions.open(peer.host, inbox.put)
    except FabvisorError as error:
        return error
    deadline = time.monotonic() + timeout + peer.host.connect_timeout
    try:
        session.send(settings.ask(peer, deploy, timeout))
        answers: dict[str, protocol.Outcome] = {}
        while (item := inbox.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
            if time.monotonic() > deadline:
                return []                   # it says other things without end
            message = protocol.decode(peer.name, item) if "event" in item else None
            if isinstance(message, protocol.Outcome) and message.service in peer.services:
                answers.setdefault(message.service, message)
        return [*answers.values()]
    except (queue.Empty, protocol.NotInProtocol):
        return []
    finally:
        session.close()


def _remedy(peer: Peer) -> str:
    return f"fab recover {','.join(peer.services)} --host {peer.name}"
