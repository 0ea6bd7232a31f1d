"""Finishes interrupted deploys from their journals, before anything new begins."""

from __future__ import annotations

from . import journal, locks
from .errors import TryAgain
from .eventlog import EventLog
from .layout import Layout
from .protocol import Recovered


def finish(layout: Layout, held: locks.Locks, env: dict[str, str], eventlog: EventLog) -> list[Recovered]:
    """Finish every journal that names a service whose lock we hold. Raises CannotRestore, TryAgain."""
    done = []
    for left in journal.unfinished(layout):
        if set(left.services) & set(held.held()):
            _hold_all_of(left, held)
            done.append(_finish(left, held, env, eventlog))
    for service in held.held():
        journal.tidy(layout, service)
    journal.tidy_unnamed(layout, lambda: locks.deploys(layout))
    return done


def _finish(left: journal.Journal, held: locks.Locks, env: dict[str, str], eventlog: EventLog) -> Recovered:
    from . import undo  # seldom needed, and it brings all steps

    eventlog.event("host_state", state="recovering", detail=f"what deploy {left.deploy} left")
    if left.committed():
        left.commit({})
        result = "committed"
    else:
        held.describe(restoring=True)
        undo.Undo(left, env, eventlog).run("interrupted; undone by the next command")
        held.describe(restoring=False)
        result = "restored"
    return {"deploy": left.deploy, "by": left.head.get("by"), "result": result, "services": sorted(left.services)}


def _hold_all_of(left: journal.Journal, held: locks.Locks) -> None:
    try:
        held.take(sorted(left.services))
    except locks.Held as error:
        services = ", ".join(held.held())
        raise TryAgain(f"deploy {left.deploy} left {services} and {error.service} unfinished, "
                       f"and {error.service} is locked by {error.holder.get('by')}",
                       "wait for it, then try again") from None
