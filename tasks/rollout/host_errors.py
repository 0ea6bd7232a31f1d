"""Turns what goes wrong on a host, or with its connection, into errors of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _errors as errors
from ..remote import start_errors
from . import protocol

if TYPE_CHECKING:
    from .peer import Peer

KINDS: dict[str, type[errors.FabvisorError]] = {
    "failed": errors.Failed, "not_ready": errors.NotReady, "try_again": errors.TryAgain,
    "needs_person": errors.NeedsPerson,
}


def reported(name: str, message: protocol.Failed | protocol.Problem) -> errors.FabvisorError:
    """An error that the host reports."""
    step = f"{message.step}: " if isinstance(message, protocol.Failed) and message.step else ""
    if message.trace:
        return errors.Bug(f"{name}: {step}{message.message}", message.trace)
    return KINDS.get(message.kind, errors.Failed)(f"{name}: {step}{message.message}", message.hint)


def not_ready(name: str, message: protocol.NotReady) -> errors.NotReady:
    hints = dict.fromkeys(problem.hint for problem in message.problems if problem.hint)
    return errors.NotReady("\n".join(f"{name}: {problem.message}" for problem in message.problems), "\n".join(hints))


def unusable(name: str, message: protocol.Unusable) -> errors.NotReady:
    return errors.NotReady(f"{name}: {message.why}", "name a newer interpreter with `python` in hosts.yaml")


def lost(peer: Peer) -> errors.FabvisorError:
    """Why a stream ended before its conversation did."""
    session = peer.session
    complaint = session.complaint.strip() if session else ""
    if session and not peer.has_answered and not session.lost and session.exit_status is not None:
        error = start_errors.explain(peer.name, peer.host.python, session.exit_status, complaint, session.began)
        if error:
            return error
    return _cut(peer, f"{peer.name}: the connection was lost" + (f": {complaint}" if complaint else ""))


def silent(peer: Peer) -> errors.FabvisorError:
    message = f"{peer.name}: it was silent for {peer.host.lease:g} s"
    if peer.session and not peer.session.began:
        return errors.Unreachable(f"{message}: {peer.host.python} did not begin",
                                  "try again; or see whether a ~/.bashrc or forced command there starts another shell")
    return _cut(peer, message)


def unanswered(peer: Peer, seconds: float) -> errors.FabvisorError:
    return _cut(peer, f"{peer.name}: it is there, but has not answered for {seconds:g} s")


def not_in_protocol(peer: Peer, problem: str) -> errors.FabvisorError:
    """After a plan, nothing that the host says of its end can be believed."""
    message = f"{peer.name}: its message does not follow the protocol: {problem}"
    if peer.has_plan:
        return errors.NeedsPerson(message, f"see how it is now: fab status --host {peer.name}")
    return errors.Unreachable(message, "see what its login shell prints, and who answers there")


def _cut(peer: Peer, message: str) -> errors.FabvisorError:
    """Before a plan nothing has changed there; after it, it is a failed deploy."""
    if peer.has_plan:
        return errors.Failed(message, f"see how it is now: fab status --host {peer.name}")
    return errors.Unreachable(message, "try again")


def locked(peers: list[Peer]) -> errors.Locked:
    """The holders of the locks that these hosts refused: since when, for which commit."""
    return errors.Locked("\n".join(map(_holder, peers)), "try again, or wait for it with --wait SECONDS")


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
