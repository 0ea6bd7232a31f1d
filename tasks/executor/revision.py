"""Turning what the user typed into one commit, on the one host that is asked to."""

from __future__ import annotations

import os
import shutil
from typing import Optional, Tuple

from . import git
from .context import ServiceContext
from .errors import NotReady
from .protocol import Distance, Resolved
from .releases import commit_of

UNKNOWN_DISTANCE: Distance = {"back": None, "forward": None, "dropped": [], "commits": [], "subject": ""}
Found = Tuple[Optional[str], Optional[str]]


def resolve(ctx: ServiceContext, revision: str) -> Resolved:
    """The commit, and the distance to it from what is on the disk here. Raises NotReady when the repository has no
    such revision."""
    commit, branch = _in_clone(ctx, revision) if ctx.clone.exists() else _in_repository(ctx, revision)
    if commit is None:
        raise NotReady(f"{ctx.name}: no commit, branch or tag {revision!r} in {ctx.clone.repo}",
                       "push it, or choose another")
    live = ctx.releases.live()             # with releases the clone itself may stand anywhere
    was = commit_of(live) if live else "HEAD"
    return {**distance(ctx, was, commit), "event": "resolved", "service": ctx.name, "revision": revision,
            "commit": commit, "branch": branch}


def distance(ctx: ServiceContext, was: str, commit: str) -> Distance:
    """From `was` to the commit, as far as the clone here can tell."""
    if not ctx.clone.exists():
        return UNKNOWN_DISTANCE
    back, forward, dropped, commits = ctx.clone.distance(was, commit)
    subject = commits[0]["subject"] if commits else ctx.clone.subject(commit)
    return {"back": back, "forward": forward, "dropped": dropped, "commits": commits, "subject": subject}


def _in_clone(ctx: ServiceContext, revision: str) -> Found:
    if git.FULL.fullmatch(revision):
        if not ctx.clone.has(revision):
            ctx.clone.fetch()
        if not ctx.clone.has(revision):
            ctx.clone.try_commit(revision)
    else:
        ctx.clone.fetch()
    return ctx.clone.resolve(revision)


def _in_repository(ctx: ServiceContext, revision: str) -> Found:
    """There is no clone yet: look from a temporary one, so that nothing is begun before the journal is.

    Whoever only looks has made no folder for the service: then it is where all temporary ones are.
    """
    import tempfile

    state = ctx.layout.service_state(ctx.name)
    folder = tempfile.mkdtemp(prefix="resolve-", dir=state if os.path.isdir(state) else None)
    try:
        clone = git.Clone(folder, ctx.clone.repo, ctx.env, ctx.check)
        found = clone.remote_refs(revision)
        if found == (None, None) and git.ABBREVIATED.fullmatch(revision):
            clone.create()
            clone.fetch()
            if git.FULL.fullmatch(revision) and not clone.has(revision):
                clone.try_commit(revision)
            found = clone.resolve(revision)
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
