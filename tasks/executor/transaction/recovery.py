"""Finishes interrupted deploys from their journals, before anything new begins."""

from __future__ import annotations

from typing import Container, NamedTuple, Sequence

from ..errors import CannotRestore, NotReady, TryAgain
from ..layout import Layout
from ..protocol import Recovered, Unfinished
from ..state import journal, locks
from .eventlog import EventLog


class Recovery(NamedTuple):
    """`replaced`: journals whose undo fails; they go once the deploy that takes their place is committed."""

    done: list[Recovered]
    replaced: list[journal.Journal]


def finish(layout: Layout, held: locks.Locks, env: dict[str, str], eventlog: EventLog,
           unfinished: Unfinished) -> Recovery:
    """Finish every journal that names a service whose lock we hold, the newest first: a deploy that could not undo the
    one before began with what that one had left. Raises CannotRestore, TryAgain."""
    recovery = Recovery([], [])
    asked = set(held.held())
    if unfinished == "accept":
        journal.remove_unreadable(layout)
    lefts = journal.unfinished(layout)
    overtaken = [left for left in lefts if any(left.deploy in other.replaces and other.committed() for other in lefts)]
    for left in reversed(lefts):
        if set(left.services) & asked and left not in overtaken:
            _hold_all_of(left, held)
            eventlog.event("host_state", state="recovering", detail=f"what deploy {left.deploy} left")
            try:
                result = _finish(left, held, env, eventlog, unfinished, overtaken)
            except CannotRestore as error:
                if unfinished != "replace" or not set(left.services) <= asked:
                    raise
                eventlog.warn(error.message)
                recovery.replaced.append(left)
                result = "replaced"
            recovery.done.append({"deploy": left.deploy, "by": left.head.get("by"), "result": result,
                                  "services": sorted(left.services)})
    for service in held.held():
        journal.tidy(layout, service)
    journal.tidy_unnamed(layout, lambda: locks.deploys(layout))
    return recovery


def _finish(left: journal.Journal, held: locks.Locks, env: dict[str, str], eventlog: EventLog,
            unfinished: Unfinished, overtaken: Sequence[journal.Journal]) -> str:
    if left.committed():
        left.commit({}, [other for other in overtaken if other.deploy in left.replaces])
        return "committed"
    if unfinished == "accept":
        left.give_up("what it left was accepted by fab recover")
        return "accepted"
    _require_access(left)
    from ..steps import ACTIONS
    from . import undo  # seldom needed, and it brings all steps

    _require_known(left, ACTIONS)
    held.describe(restoring=True)
    try:
        undone = undo.Undo(left, env, eventlog)
        undone.end_leftovers()                          # git keeps nothing beside the lock of one that was killed
        for ctx in undone.contexts.values():
            ctx.clone.require_no_git()
        for service in sorted({service for service, _ in left.undos()}):
            undone.keep_edits(service)
        undone.run("interrupted; undone by the next command")
    finally:
        held.describe(restoring=False)
    return "restored"


def _require_access(left: journal.Journal) -> None:
    """The deploy may have reached supervisord through sudo, whatever hosts.yaml says now. Raises NotReady."""
    try:
        left.layout.access.require()
    except NotReady as error:
        services = ",".join(sorted(left.services))
        raise NotReady(f"deploy {left.deploy} was cut off, and to undo it sudo is needed, as hosts.yaml said then: "
                       f"{error.message}",
                       f"let hosts.yaml say `sudo: true` until it is undone: fab recover {services}; {error.hint}"
                       ) from None


def _require_known(left: journal.Journal, actions: Container[str]) -> None:
    """A newer version may undo in ways that this one does not know: then nothing of it is undone. Raises NotReady."""
    for part in left.services.values():
        calls = [step["undo"] for step in part["steps"]] + [part.get("on_failure")]
        unknown = [call["action"] for call in calls if call and call["action"] not in actions]
        if unknown:
            version = part["record"].get("fabvisor") or "an unknown version"
            services = ",".join(sorted(left.services))
            raise NotReady(f"deploy {left.deploy} was cut off, and only Fabvisor {version} can undo it: "
                           f"this version does not know {unknown[0]!r}",
                           f"with that version: fab recover {services}; or keep what is there now:"
                           f" fab recover {services} --accept")


def _hold_all_of(left: journal.Journal, held: locks.Locks) -> None:
    try:
        held.take(sorted(left.services))
    except locks.Held as error:
        services = ", ".join(held.held())
        raise TryAgain(f"deploy {left.deploy} left {services} and {error.service} unfinished, "
                       f"and {error.service} is locked by {error.holder.get('by')}",
                       "wait for it, then try again") from None
