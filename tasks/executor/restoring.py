"""The way back: the same after an abort as after a power cut."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Optional, Set

from . import history, processes, settling, undoing
from .actions import ACTIONS
from .errors import CannotRestore, HostError, as_host_error
from .here import Here, mark
from .journal import Journal
from .story import Story
from .supervisord import Down


class Unsupervised(CannotRestore):
    """supervisord is down: the files are as before, the program cannot be asked."""


def restore(journal: Journal, env: Dict[str, str], why: str, story: Story) -> None:
    """Undo what was begun, in the recipe's order; then the history lines; the journal goes last.

    Raises CannotRestore: the journal stays, and what still runs well is left alone.
    """
    processes.end_marked(mark(journal.place, journal.deploy))
    for service in journal.services:
        _here(journal, service, env, story).clone.unlock()
    _undo_all(journal, env, story)
    settling.settle([_here(journal, service, env, story) for service in journal.services], story)
    with contextlib.suppress(OSError):          # a full disk must not keep the way back from ending
        for service, part in sorted(journal.services.items()):
            history.write(journal.place, service, dict(part["record"], result="restored", why=why))
    journal.remove()


def commit(journal: Journal) -> None:
    """The first history line is the commit record of the whole deploy on this host."""
    for service, part in sorted(journal.services.items()):
        history.write(journal.place, service, dict(part["record"], result="committed"))
    journal.remove()


def _undo_all(journal: Journal, env: Dict[str, str], story: Story) -> None:
    """Files need no supervisord: while that is down all of them go back, but what may still be in use."""
    down: Optional[Unsupervised] = None
    for service, step in journal.undos(_replaced(journal, env, story)):
        if down and step.get("undo_last"):
            continue
        try:
            _undo(journal, service, step, env, story)
        except Unsupervised as error:
            down = down or error
    if down:
        raise down


def _replaced(journal: Journal, env: Dict[str, str], story: Story) -> Set[str]:
    """Services whose process is not the one that the deploy found: it may have been started from half of a build
    (a crash, a reboot), though no restart of ours was begun."""
    found = set()
    for service, step in journal.ways_back("program_back"):
        try:
            if undoing.is_replaced(_here(journal, service, env, story), step["undo"]["args"]):
                found.add(service)
        except HostError:
            continue            # supervisord is down: it will start what is on the disk then
    return found


def _here(journal: Journal, service: str, env: Dict[str, str], story: Story, step: str = "") -> Here:
    return Here(journal.place, dict(journal.services[service], name=service), env, journal.deploy, check=story.moves,
                say=lambda line: story.event("output", service=service, step=step, line=line),
                waiting=lambda detail: story.event("host_state", state="waiting", detail=detail))


def _undo(journal: Journal, service: str, step: Dict[str, Any], env: Dict[str, str], story: Story) -> None:
    name = "undo " + step["name"]
    here = _here(journal, service, env, story, name)
    with story.step(service, name) as ending:
        try:
            ending.changed = ACTIONS[step["undo"]["action"]](here, step["undo"]["args"])
        except Down as error:
            raise Unsupervised("%s: files are as before, but %s" % (service, error.message),
                               "start supervisord on the host, then: fab recover %s" % service) from None
        except Exception as error:
            raise CannotRestore("%s: %s failed: %s; now it is at %s" % (
                                    service, name, as_host_error(error).message, undoing.what_is(here)),
                                "put it right on the host, then: fab recover %s; to accept what is there now, remove %s"
                                % (service, journal.path)) from None
