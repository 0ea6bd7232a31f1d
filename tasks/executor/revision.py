"""Turning what the user typed into one commit, on the one host that is asked to."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, Optional, Tuple

from . import git
from .errors import NotReady
from .here import Here
from .releases import commit_of

Found = Tuple[Optional[str], Optional[str]]


def resolve(here: Here, revision: str) -> Dict[str, Any]:
    """{revision, commit, branch, subject, and the Way there from what is on the disk here}; raises NotReady when the
    repository has no such revision."""
    commit, branch = _in_clone(here, revision) if here.clone.exists() else _in_repository(here, revision)
    if commit is None:
        raise NotReady("%s: no commit, branch or tag %r in %s" % (here.name, revision, here.clone.repo),
                       "push it, or choose another")
    live = here.releases.live()             # with releases the clone itself may stand anywhere
    was = commit_of(live) if live else "HEAD"
    return {"revision": revision, "commit": commit, "branch": branch, **way(here, was, commit)}


def way(here: Here, was: str, commit: str) -> Dict[str, Any]:
    """{subject, back, forward, dropped, commits}: see git.Way."""
    if not here.clone.exists():
        return dict(git.Way(None, None, [], [])._asdict(), subject="")
    found = here.clone.way(was, commit)
    subject = found.commits[0]["subject"] if found.commits else here.clone.subject(commit)
    return dict(found._asdict(), subject=subject)


def _in_clone(here: Here, revision: str) -> Found:
    if git.FULL.fullmatch(revision):
        if not here.clone.has(revision):
            here.clone.fetch(here.say)
        if not here.clone.has(revision):
            here.clone.try_commit(revision, here.say)
    else:
        here.clone.fetch(here.say)
    return here.clone.resolve(revision)


def _in_repository(here: Here, revision: str) -> Found:
    """There is no clone yet: look from a temporary one, so that nothing is begun before the journal is.

    Whoever only looks has made no folder for the service: then it is where all temporary ones are.
    """
    import tempfile

    state = here.place.service_state(here.name)
    folder = tempfile.mkdtemp(prefix="resolve-", dir=state if os.path.isdir(state) else None)
    try:
        clone = git.Clone(folder, here.clone.repo, here.env, here.check)
        found = clone.remote_refs(revision)
        if found == (None, None) and git.ABBREVIATED.fullmatch(revision):
            clone.create()
            clone.fetch(here.say)
            if git.FULL.fullmatch(revision) and not clone.has(revision):
                clone.try_commit(revision, here.say)
            found = clone.resolve(revision)
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
