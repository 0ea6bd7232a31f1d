"""Asking a host how a deploy ended, over a new connection, because the first one did not tell."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from .._errors import FabvisorError
from . import settings
from .events import Error, HostState, Listener
from .fleet import Message, Peer, executor, open_session

if TYPE_CHECKING:
    from .deployment import Deployment

# A host notices the loss within its lease; then it may have to build the old version again.
RESTORING = 60.0


def ask(peers: list[Peer], order: Deployment, report: Listener) -> None:
    """Fill in each peer's `ending`, or in `why` what it will do by itself and what to type."""
    for peer in peers:
        report.on(HostState(host=peer.name, state="asking"))
    threads = [threading.Thread(target=_ask, args=(peer, order.deploy), daemon=True) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for peer in peers:
        if not peer.ending:
            report.on(Error(host=peer.name, message=peer.why, hint=_remedy(peer)))


def _ask(peer: Peer, deploy: str) -> None:
    try:
        answers = _answers(peer, deploy)
    except FabvisorError as error:
        peer.why = (f"it cannot be asked ({error.message}); unless it was told to commit, it goes back by itself"
                    f" within {peer.host.lease:g} s of losing us")
        return
    peer.now = {answer["service"]: answer["now"] for answer in answers}
    results = {answer["result"] for answer in answers}
    known = peer.trouble or "the connection was lost"
    if "committed" in results:
        peer.ending, peer.error = "committed", None
    elif any(answer["busy"] for answer in answers):
        peer.why = "it is still going back to the version before"
    elif any(answer["due"] for answer in answers):
        peer.why = f"{known}; the undoing is due: the next command does it"
    elif not answers:
        peer.why = f"{known}; it did not say how the deploy ended"
    else:                                   # restored, or it never began
        peer.ending, peer.why = "restored", known


def _answers(peer: Peer, deploy: str) -> list[Message]:
    inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    timeout = peer.host.lease + RESTORING
    session = open_session(peer.host, executor(), inbox.put)
    deadline = time.monotonic() + timeout + peer.host.connect_timeout
    try:
        session.send(settings.ask(peer, deploy, timeout))
        found: list[Message] = []
        while (message := inbox.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:      # beats, too
            if message["event"] == "outcome":
                found.append(message)
        return found
    except queue.Empty:
        return []
    finally:
        session.close()


def _remedy(peer: Peer) -> str:
    return f"fab recover {','.join(peer.services)} --host {peer.name}"
