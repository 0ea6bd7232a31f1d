"""Resolves what the user typed to one commit, on the one host that is asked to."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Iterator

from .. import git
from ..errors import HostError, NotReady, TryAgain
from ..protocol import Distance, Resolved
from ..state import history
from ..system.output_lines import Say, silent
from .context import ServiceContext

UNKNOWN_DISTANCE: Distance = {"back": None, "forward": None, "dropped": [], "commits": [], "subject": ""}


def resolve(ctx: ServiceContext, revision: str) -> Resolved:
    """The commit, and the distance to it from what is on the disk here.

    Raises NotReady where the repository has no such revision, or the commit lacks the folder of the service.
    """
    has_clone = ctx.clone.exists()
    commit, branch = _in_clone(ctx, revision) if has_clone else _in_repository(ctx, revision)
    if commit is None:
        raise _unknown(revision, ctx.clone.repo)
    live = ctx.releases.live()             # with releases the clone itself may stand anywhere
    was = ctx.releases.commit(live) if live else ctx.clone.head() or "HEAD"
    return {**distance(ctx, was, commit), "event": "resolved", "service": ctx.name, "revision": revision,
            "commit": commit, "branch": branch, "subtree": subtree(ctx, ctx.clone, commit) if has_clone else None}


def subtree(ctx: ServiceContext, clone: git.Clone, commit: str) -> str | None:
    """git's hash of the service's folder in the commit; None for a service that is its whole repository.

    Raises NotReady where the commit has no such folder.
    """
    if not ctx.subdirectory:
        return None
    subtree = clone.commits.subtree(commit, ctx.subdirectory)
    if subtree is None:
        raise NotReady(f"commit {commit} of {ctx.name} has no folder {ctx.subdirectory}, which `subdirectory` names",
                       "add it to the repository, or to the folder that `repo` names, or correct `subdirectory` in"
                       " hosts.yaml; in a rollback name a version that has it: --to REVISION")
    return subtree


def distance(ctx: ServiceContext, was: str | None, commit: str) -> Distance:
    """From `was` (None: it is not known) to the commit, as far as the clone here can tell; of a client's build, that of
    the commit that it was built from."""
    clone = ctx.clone
    if not clone.exists() or was is None:
        return UNKNOWN_DISTANCE
    start, end = (history.source(ctx.layout, ctx.name, each) or each for each in (was, commit))
    behind, ahead, dropped, added = clone.commits.distance(start, end)
    subject = added[0]["subject"] if added else clone.commits.subject(commit)
    return {"back": behind, "forward": ahead, "dropped": dropped, "commits": added, "subject": subject}


def obtain(clone: git.Clone, commit: str, revision: str, say: Say = silent) -> bool:
    """Fetch a commit, unless it is here and in the branch or tag `revision`; returns whether that took a fetch.

    Another host may have named the commit. It is not believed: what this host fetched itself decides. Raises NotReady.
    """
    is_behind = clone.remote.is_behind(revision, commit)
    if not is_behind and clone.commits.has(commit) and clone.commits.is_in(commit, revision):
        return False
    clone.remote.fetch(say)
    if not git.FULL.fullmatch(revision) and clone.commits.resolve(revision)[0] is None:
        raise _unknown(revision, clone.repo)
    if not clone.commits.is_in(commit, revision):
        raise NotReady(f"commit {commit} is not in {revision} of {clone.repo}, as this host fetched it",
                       "if the branch or tag was moved just now, try again; else see which host named that commit")
    if not is_behind and not clone.commits.has(commit):     # before git moves a branch, it looks itself what it has
        clone.remote.fetch_commit(commit, say)
    return True


@contextlib.contextmanager
def obtained(ctx: ServiceContext, commit: str, revision: str) -> Iterator[git.Clone]:
    """A clone that has the commit, for a command that only looks: the service's own; where it has none yet, a temporary
    one, and without the commits before it, if the server can give it so. Raises as obtain()."""
    if ctx.clone.exists():
        obtain(ctx.clone, commit, revision)
        yield ctx.clone
        return
    with _temporary(ctx) as clone:
        clone.create(commit)
        try:
            clone.remote.fetch_commit(commit, alone=True)
        except TryAgain:
            raise
        except HostError:
            obtain(clone, commit, revision)
        yield clone


def _unknown(revision: str, repo: str) -> NotReady:
    return NotReady(f"no commit, branch or tag {revision!r} in {repo}", "push it, or choose another")


def _in_clone(ctx: ServiceContext, revision: str) -> tuple[str | None, str | None]:
    if git.FULL.fullmatch(revision):
        return (ctx.clone.commits.named_in_full(revision), None) if _is_there(ctx.clone, revision) else (None, None)
    ctx.clone.remote.fetch()
    return ctx.clone.commits.resolve(revision)


def _is_there(clone: git.Clone, commit: str) -> bool:
    """Here, or after a fetch: servers often give a commit by its full name that no branch holds any more."""
    if not clone.commits.has(commit):
        clone.remote.fetch()
    if not clone.commits.has(commit):
        clone.remote.try_commit(commit)
    return clone.commits.has(commit)


def _in_repository(ctx: ServiceContext, revision: str) -> tuple[str | None, str | None]:
    with _temporary(ctx) as clone:
        # A branch may bear the name of a commit.
        resolved = (None, None) if git.FULL.fullmatch(revision) else clone.remote.resolve(revision)
        if resolved == (None, None) and git.ABBREVIATED.fullmatch(revision):
            clone.create(revision if git.FULL.fullmatch(revision) else clone.remote.a_commit())
            clone.remote.fetch()
            if git.FULL.fullmatch(revision) and not clone.commits.has(revision):
                clone.remote.try_commit(revision)
            resolved = clone.commits.resolve(revision)
        return resolved


@contextlib.contextmanager
def _temporary(ctx: ServiceContext) -> Iterator[git.Clone]:
    """Where a clone may be made for a moment while the service has none: nothing is begun before the journal is.

    A command that only looks has made no folder for the service: then it is where all temporary ones are.
    """
    import tempfile

    state = ctx.layout.service_state(ctx.name)
    folder = tempfile.mkdtemp(prefix="resolve-", dir=state if os.path.isdir(state) else None)
    try:
        yield git.Clone(folder, ctx.clone.repo, ctx.env, ctx.check, ctx.clone.git.login, ctx.clone.git.fetch_timeout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
