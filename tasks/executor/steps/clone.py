"""The clone of a service, whatever the strategy: fetch a commit; or remove the clone that a first deploy made."""

from __future__ import annotations

import os
import shutil
from typing import Any, Mapping

from ..context import ServiceContext
from ..errors import NotReady

Arguments = Mapping[str, Any]


def fetch(ctx: ServiceContext, args: Arguments) -> bool:
    """Fetch `commit`, with all that its build needs: git-lfs, and the paths of `requires`. Changes no file."""
    clone, commit = ctx.clone, args["commit"]
    new = not clone.exists() or not clone.has(commit)
    if not clone.exists():
        clone.create()
    clone.exclude_own_names()
    if new:
        clone.fetch(ctx.say)
        if not clone.has(commit):
            clone.fetch_commit(commit, ctx.say)
    if clone.needs_lfs(commit):
        raise NotReady("the repository needs git-lfs, which is not installed", "install git-lfs on the host")
    missing = [path for path in args["requires"] if not clone.holds(commit, path)]
    if missing:
        raise NotReady(f"commit {commit} of {ctx.name} lacks {', '.join(missing)}, which `requires` names",
                       "commit and push it, or correct `requires` in hosts.yaml")
    return new


def remove(ctx: ServiceContext, args: Arguments) -> bool:
    """Empty the directory but for `keep` (logs, and what is shared); remove it unless it `existed` before."""
    present = os.listdir(ctx.directory) if os.path.isdir(ctx.directory) else []
    for name in set(present) - set(args["keep"]):
        path = os.path.join(ctx.directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    if not args["existed"] and os.path.isdir(ctx.directory):
        os.rmdir(ctx.directory)
    return True
