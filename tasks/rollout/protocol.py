"""The words of the conversation: what we say to a host, and what its words are to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import convert

from .. import _errors as errors
from . import events

if TYPE_CHECKING:
    from .fleet import Message, Peer

TOLD = events.HostState | events.StepStarted | events.Output | events.StepFinished | events.Notice | events.LogLine
NAMES = frozenset(str(kind.__struct_config__.tag) for kind in TOLD.__args__)
KINDS: dict[str, type[errors.FabvisorError]] = {
    "failed": errors.Failed, "not_ready": errors.NotReady, "try_again": errors.TryAgain,
    "needs_person": errors.NeedsPerson,
}


def event(host: str, message: Message) -> events.Event | None:
    """What the screen should hear of it; None for the words that only the coordinator understands."""
    return convert({**message, "host": host}, TOLD) if message.get("event") in NAMES else None


def history(host: str, message: Message) -> events.History:
    return convert({**message, "host": host}, events.History)


def odd(message: Message) -> str:
    """Why a service could not be looked at, with the remedy."""
    return ": ".join(filter(None, [message["message"], message.get("hint", "")]))


def error(peer: Peer, message: Message) -> errors.FabvisorError:
    """A host's trouble as one of our errors."""
    if message["event"] == "unusable":
        return errors.NotReady(f"{peer.name}: {message['why']}", "name a newer interpreter with `python` in hosts.yaml")
    if message["event"] == "not_ready":
        found = message["problems"]
        return errors.NotReady("\n".join(f"{peer.name}: {one['message']}" for one in found),
                               "\n".join(dict.fromkeys(one["hint"] for one in found if one["hint"])))
    step = f"{message['step']}: " if message.get("step") else ""
    if message.get("trace"):
        return errors.Bug(f"{peer.name}: {step}{message['message']}", message["trace"])
    return KINDS.get(message["kind"], errors.Failed)(f"{peer.name}: {step}{message['message']}", message["hint"])


def lost(peer: Peer) -> errors.FabvisorError:
    """Why a stream ended before its conversation did."""
    from ..remote import bootstrap

    session = peer.session
    complaint = session.complaint.strip() if session else ""
    if session and not peer.looked:
        unusable = bootstrap.never_talked(peer.name, peer.host.python, session.exit_status, complaint)
        if unusable:
            return unusable
    return _cut(peer, f"{peer.name}: the connection was lost" + (f": {complaint}" if complaint else ""))


def silent(peer: Peer) -> errors.FabvisorError:
    return _cut(peer, f"{peer.name}: nothing was heard of it for {peer.host.lease:g} s")


def _cut(peer: Peer, message: str) -> errors.FabvisorError:
    """Before a plan nothing has changed there; after it, it is a failed deploy."""
    if peer.planned:
        return errors.Failed(message, f"see how it is now: fab status --host {peer.name}")
    return errors.Unreachable(message, "try again")


def locked(peers: list[Peer]) -> errors.Locked:
    """Who holds it, since when, for which commit."""
    return errors.Locked("\n".join(map(_holder, peers)), "try again, or wait for it with --wait SECONDS")


def is_restoring(peer: Peer) -> bool:
    return bool((peer.refusal or {}).get("holder", {}).get("restoring"))


def _holder(peer: Peer) -> str:
    refusal = peer.refusal or {}
    holder = refusal.get("holder", {})
    commit = (holder.get("commit") or {}).get(refusal.get("service"))
    words = [f"{peer.name}: {refusal.get('service')} is locked by {holder.get('by') or 'somebody'}",
             f"({holder['command']})" if holder.get("command") else "",
             f"since {holder['since']}" if holder.get("since") else "",
             f"for {commit[:8]}" if commit else "",
             "which is still restoring" if holder.get("restoring") else ""]
    return " ".join(filter(None, words))

