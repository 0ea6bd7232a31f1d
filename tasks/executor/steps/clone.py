"""The clone of a service, whatever the strategy: fetch a commit; or remove the clone that a first deploy made."""

from __future__ import annotations

import os

from .. import git
from ..disk import files
from ..errors import NotReady
from ..git import edits
from ..service import revision
from ..service.context import ServiceContext
from .step import Result, Step


def fetch(ctx: ServiceContext, step: Step) -> Result:
    """Fetch `commit`, and see that what it needs is there: filters, and the paths of `requires`. Changes no file."""
    commit = step.args["commit"]
    _require_git(ctx, commit)
    clone = _prepared_clone(ctx, commit)
    new = revision.obtain(clone, commit, step.args["revision"], step.say)
    _require_all(ctx, step)
    return Result(new)


def receive(ctx: ServiceContext, step: Step) -> Result:
    """As fetch(), from the client: it sends what is missing here of the commit and of its submodules."""
    commit = step.args["commit"]
    _require_git(ctx, commit, from_stores=len(step.args["parts"]) > 1)
    clone = _prepared_clone(ctx, commit)
    new = git.receive(clone.git, commit, step.args["branch"], ctx.request_pack)
    for part in step.args["parts"]:
        if part["repo"] != clone.repo:
            store = git.store(clone.git, part["repo"], part["commit"])
            new |= git.receive(store, part["commit"], None, ctx.request_pack, wanted_by=commit)
    _require_all(ctx, step)
    return Result(new)


def _require_git(ctx: ServiceContext, commit: str, from_stores: bool = False) -> None:
    oldest = git.oldest_git(commit, from_stores)
    if oldest:
        what = " and submodules, with `fetch: client`," if from_stores else ""
        git.require_git(ctx.env, oldest, f"a repository with SHA-256{what}")


def _prepared_clone(ctx: ServiceContext, commit: str) -> git.Clone:
    """The clone, made where there is none; it overlooks our own files, and fetches from the `repo` of hosts.yaml."""
    clone = ctx.clone
    if not clone.exists():
        clone.create(commit)
    clone.exclude_own_names()
    clone.follow_origin()
    return clone


def _require_all(ctx: ServiceContext, step: Step) -> None:
    """Raise NotReady where the commit cannot be checked out or built here, or has files where ours are to lie."""
    commit = step.args["commit"]
    tracked = dict.fromkeys(ctx.clone.commits.tracked(commit, step.args["files"]).values())
    if tracked:
        raise NotReady(f"commit {commit} of {ctx.name} has {', '.join(tracked)}, where `files` puts files of its own",
                       "take it out of the repository, or out of `files` in hosts.yaml; in a rollback name a version "
                       "without it: --to REVISION")
    missing = [path for path in step.args["requires"] if not ctx.clone.commits.has_path(commit, path)]
    if missing:
        raise NotReady(f"commit {commit} of {ctx.name} lacks {', '.join(missing)}, which `requires` names",
                       "add it to the repository, or to the folder that `repo` names, or correct `requires` in"
                       " hosts.yaml; in a rollback name a version that has it: --to REVISION")
    revision.subtree(ctx, ctx.clone, commit)
    git.require_filters(ctx.clone.git, commit)


def remove(ctx: ServiceContext, step: Step) -> Result:
    """Empty the directory but for `keep` (logs, and what is shared); remove it unless it `existed` before. Where edits
    of a person were kept, the repository stays without any file, for it holds them."""
    keep = {*step.args["keep"]}
    if ctx.clone.exists() and edits.has_copies(ctx.clone.git, ctx.deploy):
        ctx.clone.checkout_empty(None)
        keep.add(".git")
    present = os.listdir(ctx.directory) if os.path.isdir(ctx.directory) else []
    for name in set(present) - keep:
        files.remove_whole(os.path.join(ctx.directory, name))
    if not step.args["existed"] and ".git" not in keep and os.path.isdir(ctx.directory):
        os.rmdir(ctx.directory)
    return Result(True)
