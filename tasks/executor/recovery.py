"""Finishing what an interrupted deploy left, from its journal alone, before anything new begins."""

from __future__ import annotations

from typing import Any, Dict, List

from . import journal, locks
from .errors import TryAgain
from .place import Place
from .story import Story


def finish(place: Place, held: locks.Locks, env: Dict[str, str], story: Story) -> List[Dict[str, Any]]:
    """Every journal that names a service we hold: [{deploy, by, result, services}]. Raises CannotRestore."""
    done = []
    for left in journal.unfinished(place):
        if set(left.services) & set(held.held()):
            _hold_all_of(left, held)
            done.append(_finish(left, held, env, story))
    for service in held.held():
        journal.tidy(place, service)
    journal.tidy_asides(place, lambda: locks.deploys(place))
    return done


def _finish(left: journal.Journal, held: locks.Locks, env: Dict[str, str], story: Story) -> Dict[str, Any]:
    from . import restoring  # seldom needed, and all that can be done and undone with it

    story.event("host_state", state="recovering", detail="what deploy %s left" % left.deploy)
    if left.committed():
        restoring.commit(left)
        result = "committed"
    else:
        held.describe(restoring=True)
        restoring.restore(left, env, "interrupted; undone by the next command", story)
        held.describe(restoring=False)
        result = "restored"
    return {"deploy": left.deploy, "by": left.head.get("by"), "result": result, "services": sorted(left.services)}


def _hold_all_of(left: journal.Journal, held: locks.Locks) -> None:
    try:
        held.take(sorted(left.services))
    except locks.Held as error:
        raise TryAgain("deploy %s left %s and %s unfinished, and %s is locked by %s" % (
            left.deploy, ", ".join(held.held()), error.service, error.service, error.holder.get("by")),
            "wait for it, then try again") from None
