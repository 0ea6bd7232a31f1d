"""Locks on all hosts: the lowest-named first, so that two deploys meet there; then the others at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ... import _errors as errors
from .. import events
from ..peers.conversation import Conversation
from ..peers.peer import Peer, State

POLL = 0.5                                  # seconds
Greeting = Callable[[Peer], Mapping[str, Any]]


def lock_and_look(conversation: Conversation, greeting: Greeting, wait: float, while_restoring: float, *,
                  takes_locks: bool) -> None:
    """Returns when every lock is held and every host's facts are known.

    Refused: nobody waits while holding a lock. All let go, and after a while begin anew: for `wait` seconds at most,
    or `while_restoring` when the holders only undo what they did; then Stop with Locked. A dry run takes no locks:
    it waits until nobody else holds one.
    """
    begin = time.monotonic()
    shown = ""
    while refusing := _round(conversation, greeting):
        _refuse_one_machine(conversation, refusing)
        error = _locked(refusing)
        all_restoring = all(peer.refusal and peer.refusal.holder.restoring for peer in refusing)
        deadline = begin + (max(wait, while_restoring) if all_restoring else wait)
        if time.monotonic() >= deadline:
            conversation.stop(error)
        if error.message != shown:
            conversation.report.on(events.Notice(message=f"waiting: {error.message}"))
            shown = error.message
        if takes_locks:
            conversation.send([peer for peer in conversation.peers if peer.state is State.READY], {"do": "unlock"})
        conversation.pause(min(POLL, max(0.0, deadline - time.monotonic())))
    _refuse_one_supervisord(conversation)


def _round(conversation: Conversation, greeting: Greeting) -> list[Peer]:
    """Ask all to lock and look; returns those that were refused. All say what to correct, also where the first host
    has something to correct."""
    for group in (conversation.peers[:1], conversation.peers[1:]):
        for peer in group:
            if peer.is_greeted:
                peer.retry()
            else:
                peer.greet(greeting(peer))
        conversation.wait(group, lambda peer: peer.has_answered)
        refusing = [peer for peer in group if peer.state is State.REFUSED]
        if refusing or any(peer.error for peer in group if peer.state is not State.READY):
            conversation.stop_on_error()
            return refusing
    conversation.stop_on_error()
    return []


def _refuse_one_machine(conversation: Conversation, refusing: list[Peer]) -> None:
    """Where this very command holds the lock, by another name of the host, it would wait for itself."""
    for peer in refusing:
        if peer.refusal and peer.refusal.holder.deploy == peer.greeting["deploy"]:
            ready = [other.name for other in conversation.peers if other.state is State.READY]
            conversation.stop(errors.NotReady(
                f"{peer.name}: {peer.refusal.service} is locked by this very command: {peer.name} is the same machine"
                f" and root as {'one of ' if len(ready) > 1 else ''}{', '.join(ready) or 'another host'}",
                "name each machine once in hosts.yaml, or give each name a `root` of its own"))


def _refuse_one_supervisord(conversation: Conversation) -> None:
    """A service under two names of a machine would have one program file there, and a dry run takes no lock to tell."""
    seen: dict[tuple[str, str], str] = {}
    for peer in conversation.peers:
        for service, facts in peer.facts.items():
            other = seen.setdefault((facts.program_folder or peer.name, service), peer.name)
            if other != peer.name:
                conversation.stop(errors.NotReady(
                    f"{peer.name} is the same machine as {other}, and {service} has one program file there:"
                    f" {facts.program_path}",
                    "name each machine once in hosts.yaml, or give each name a supervisord and a `root` of its own"))


def _locked(peers: list[Peer]) -> errors.Locked:
    """The holders of the locks that these hosts refused: since when, for which commit."""
    return errors.Locked("\n".join(map(_holder, peers)),
                         "try again when it has ended; deploy and rollback wait for it with --wait SECONDS")


def _holder(peer: Peer) -> str:
    refusal = peer.refusal
    assert refusal is not None
    holder = refusal.holder
    commit = holder.commit.get(refusal.service)
    command = " of ".join(filter(None, [holder.command, commit and commit[:8]]))
    words = [f"{peer.name}: {refusal.service} is locked by {holder.by or 'somebody'}",
             f"({command})" if command else "",
             f"since {holder.since}" if holder.since else ""]
    return " ".join(filter(None, words)) + ("; it is being undone" if holder.restoring else "")
