"""Turns what goes wrong in the conversation with a host into errors of the client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import _errors as errors
from ...remote import start_errors

if TYPE_CHECKING:
    from .peer import Peer


def lost(peer: Peer) -> errors.FabvisorError:
    """Why a stream ended before its conversation did."""
    session = peer.session
    if session and session.trace:
        return errors.Bug(f"{peer.name}: a bug: {session.trace.splitlines()[-1]}", session.trace)
    complaint = session.complaint.strip() if session else ""
    if session and session.is_refused and not peer.has_plan:
        return start_errors.no_session(peer.name, complaint)
    if session and session.overlong and not session.began:
        return start_errors.flooded(peer.name, peer.host.python, session.overlong)
    if session and not peer.has_answered and not session.lost and session.exit_status is not None:
        error = start_errors.explain(peer.name, peer.host.python, session.exit_status, complaint, session.began)
        if error:
            return error
    return _cut(peer, f"{peer.name}: the connection was lost" + (f": {complaint}" if complaint else ""))


def silent(peer: Peer) -> errors.FabvisorError:
    if peer.session and not peer.session.began:
        return start_errors.not_begun(peer.name, peer.host.python, peer.host.lease, peer.session.complaint)
    return _cut(peer, f"{peer.name}: it was silent for {peer.host.lease:g} s")


def unanswered(peer: Peer, seconds: float) -> errors.FabvisorError:
    return _cut(peer, f"{peer.name}: it is there, but has not answered for {seconds:g} s")


def not_in_protocol(peer: Peer, problem: str) -> errors.FabvisorError:
    """After a plan, nothing that the host says of its end can be believed."""
    message = f"{peer.name}: its message does not follow the protocol: {problem}"
    if peer.has_plan:
        return errors.NeedsPerson(message, f"see how it is now: fab status --host {peer.name}")
    return errors.Unreachable(message, "see what its login shell prints, and who answers there")


def not_run(error: errors.FabvisorError, name: str, others: Sequence[str]) -> errors.FabvisorError:
    """The error of a host that was lost before its turn. `others`: where the command has run, which exit codes that say
    "nothing was changed" would deny. Of this host the outcome is known."""
    if not others:
        return error
    first = "" if isinstance(error, errors.TryAgain) else f"{error.hint}; then "
    changed = errors.NeedsPerson(f"{error.message}: nothing was run there",
                                 f"{first}type it once more with --host {name}; it was run on {', '.join(others)}")
    changed.outcome = error.outcome
    return changed


def _cut(peer: Peer, message: str) -> errors.FabvisorError:
    """Before a plan nothing has changed there; after it, it is a failed deploy."""
    if peer.has_plan:
        return errors.Failed(message, f"see how it is now: fab status --host {peer.name}")
    return errors.Unreachable(message, "try again")
