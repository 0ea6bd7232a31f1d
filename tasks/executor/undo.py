"""The way back: the same after an abort as after a power cut."""

from __future__ import annotations

import contextlib
from typing import Any

from . import disk_sync, history, processes
from .context import ServiceContext, mark
from .errors import CannotRestore, HostError, as_host_error
from .eventlog import EventLog
from .journal import Journal
from .program import describe_state
from .steps import ACTIONS
from .steps.program import is_replaced
from .supervisord import Down


class Unsupervised(CannotRestore):
    """supervisord is down: the files are as before, the program cannot be asked."""


def restore(journal: Journal, env: dict[str, str], why: str, eventlog: EventLog) -> None:
    """Undo what was begun, in the recipe's order; then the history lines; the journal goes last.

    Raises CannotRestore: the journal stays, and what still runs well is left alone.
    """
    processes.end_marked(mark(journal.layout, journal.deploy))
    for service in journal.services:
        _here(journal, service, env, eventlog).clone.remove_stale_locks()
    _undo_all(journal, env, eventlog)
    disk_sync.sync_disks([_here(journal, service, env, eventlog) for service in journal.services], eventlog)
    with contextlib.suppress(OSError):          # a full disk must not keep the way back from ending
        for service, part in sorted(journal.services.items()):
            history.write(journal.layout, service, dict(part["record"], result="restored", why=why))
    journal.remove()


def _undo_all(journal: Journal, env: dict[str, str], eventlog: EventLog) -> None:
    """Files need no supervisord: while that is down all of them go back, but what may still be in use."""
    down: Unsupervised | None = None
    for service, step in journal.undos(_replaced(journal, env, eventlog)):
        if down and step.get("undo_last"):
            continue
        try:
            _undo(journal, service, step, env, eventlog)
        except Unsupervised as error:
            down = down or error
    if down:
        raise down


def _replaced(journal: Journal, env: dict[str, str], eventlog: EventLog) -> set[str]:
    """Services whose process is not the one that the deploy found: it may have been started from half of a build
    (a crash, a reboot), though no restart of ours was begun."""
    found = set()
    for service, step in journal.ways_back("program_back"):
        try:
            if is_replaced(_here(journal, service, env, eventlog), step["undo"]["args"]):
                found.add(service)
        except HostError:
            continue            # supervisord is down: it will start what is on the disk then
    return found


def _here(journal: Journal, service: str, env: dict[str, str], eventlog: EventLog, step: str = "") -> ServiceContext:
    return ServiceContext(journal.layout, dict(journal.services[service], name=service), env, journal.deploy,
                          check=eventlog.note_progress,
                          say=lambda line: eventlog.event("output", service=service, step=step, line=line),
                          waiting=lambda detail: eventlog.event("host_state", state="waiting", detail=detail))


def _undo(journal: Journal, service: str, step: dict[str, Any], env: dict[str, str], eventlog: EventLog) -> None:
    name = "undo " + step["name"]
    ctx = _here(journal, service, env, eventlog, name)
    with eventlog.step(service, name) as ending:
        try:
            ending.changed = ACTIONS[step["undo"]["action"]](ctx, step["undo"]["args"])
        except Down as error:
            raise Unsupervised(f"{service}: files are as before, but {error.message}",
                               f"start supervisord on the host, then: fab recover {service}") from None
        except Exception as error:
            why = as_host_error(error).message
            raise CannotRestore(f"{service}: {name} failed: {why}; now it is at {_describe_now(ctx)}",
                                f"put it right on the host, then: fab recover {service}; "
                                f"to accept what is there now, remove {journal.path}") from None


def _describe_now(ctx: ServiceContext) -> str:
    """The commit on the disk and the state of the program: for a person who has to go on from there."""
    try:
        program = describe_state(ctx.supervisord().info(ctx.name))
    except HostError as error:
        program = error.message
    commit = (ctx.clone.head() or "none")[:8]
    return f"commit {commit}, and its program is {program}"
