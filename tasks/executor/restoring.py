"""The way back: the same after an abort as after a power cut."""

from __future__ import annotations

import contextlib
from typing import Any, Dict

from . import history, processes
from .actions import ACTIONS
from .errors import CannotRestore, as_host_error
from .here import Here, mark
from .journal import Journal
from .story import Story
from .supervisord import Down


def restore(journal: Journal, env: Dict[str, str], why: str, story: Story) -> None:
    """Undo what was begun, in the recipe's order; then the history lines; the journal goes last.

    Raises CannotRestore: the journal stays, and what still runs well is left alone.
    """
    processes.end_marked(mark(journal.place, journal.deploy))
    for service, step in journal.undos():
        _undo(journal, service, step, env, story)
    with contextlib.suppress(OSError):          # a full disk must not keep the way back from ending
        for service, part in sorted(journal.services.items()):
            history.write(journal.place, service, dict(part["record"], result="restored", why=why))
    journal.remove()


def commit(journal: Journal) -> None:
    """The first history line is the commit record of the whole deploy on this host."""
    for service, part in sorted(journal.services.items()):
        history.write(journal.place, service, dict(part["record"], result="committed"))
    journal.remove()


def committed(journal: Journal) -> bool:
    lines = (history.find(journal.place, service, journal.deploy) for service in journal.services)
    return any(line and line.get("result") == "committed" for line in lines)


def _undo(journal: Journal, service: str, step: Dict[str, Any], env: Dict[str, str], story: Story) -> None:
    name = "undo " + step["name"]
    part = journal.services[service]
    here = Here(journal.place, dict(part, name=service), env, journal.deploy,
                say=lambda line: story.event("output", service=service, step=name, line=line))
    with story.step(service, name) as ending:
        try:
            ending.changed = ACTIONS[step["undo"]["action"]](here, step["undo"]["args"])
        except Down as error:
            raise CannotRestore("%s: files are as before, but %s" % (service, error.message),
                                "start supervisord on the host, then: fab recover %s" % service) from None
        except Exception as error:
            raise CannotRestore("%s: %s failed: %s" % (service, name, as_host_error(error).message),
                                "put it right on the host, then: fab recover %s; to accept what is there now, remove %s"
                                % (service, journal.path)) from None
