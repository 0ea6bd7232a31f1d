"""How long a host may take for any answer. One that is there and never answers would hold everybody's locks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .peer import Peer

# Seconds. An interrupted deploy may have to build the old version again before its host answers at all.
ANSWER_WITHIN = 3600.0
USUAL_FETCH = 600.0                     # seconds; ANSWER_WITHIN has room for it


def longest_answer(peers: Iterable[Peer]) -> float:
    """Seconds, for the slowest of these hosts."""
    return max(map(_of_host, peers), default=0.0)


def _of_host(peer: Peer) -> float:
    """To undo an interrupted deploy, or to carry out its plan."""
    calls = [call for plan in peer.plans.values()
             for call in (plan.on_failure, *(call for step in plan.steps for call in (step.do, step.undo))) if call]
    parts = [part for call in calls for part in (call.args, *call.args.get("programs", ()))]
    limits = [float(part.get(name, 0)) for part in parts for name in ("timeout", "patience", "seconds")]
    slow = [max(0.0, target.service.fetch_timeout - USUAL_FETCH) for target in peer.targets]
    return ANSWER_WITHIN + sum(limits) + sum(slow) + float(peer.greeting.get("timeout", 0))
