"""Turning what the user typed into one commit, on the one host that is asked to."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, Optional, Tuple

from . import git
from .errors import NotReady
from .here import Here

Found = Tuple[Optional[str], Optional[str]]


def resolve(here: Here, revision: str) -> Dict[str, Any]:
    """{revision, commit, branch, subject, back, forward}; raises NotReady when the repository has no such revision.

    `back`, `forward`: as Clone.distance() from what is on the disk here.
    """
    commit, branch = _in_clone(here, revision) if here.clone.exists() else _in_repository(here, revision)
    if commit is None:
        raise NotReady("%s: no commit, branch or tag %r in %s" % (here.name, revision, here.clone.repo),
                       "push it, or choose another with --revision")
    found: Dict[str, Any] = {"revision": revision, "commit": commit, "branch": branch, "subject": "",
                             "back": None, "forward": None}
    if here.clone.exists():
        back, forward = here.clone.distance(commit)
        found.update(subject=here.clone.subject(commit), back=back, forward=forward)
    return found


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
    """There is no clone yet: look from a temporary one, so that nothing is begun before the journal is."""
    folder = os.path.join(here.place.service_state(here.name), "resolve-" + here.deploy)
    os.mkdir(folder, 0o700)
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
