"""The edits that a committed deploy leaves in a tree and that are no person's: a build made them, or a hook."""

from __future__ import annotations

from typing import Any, Mapping

from . import facts, git, history
from .context import ServiceContext


def of_service(ctx: ServiceContext, state: git.State, part: Mapping[str, Any]) -> dict[str, str | None]:
    """By line of `git status` the digest. `part`: the service's part of the plan.

    A checkout has refused or stashed what a person edited. A restart, as all that makes no tree, lets it lie there.
    """
    if not state.edits or _has_made_tree(ctx, part):
        return state.edits
    persons = facts.edited(state, history.known(ctx.layout, ctx.name), ctx.releases.live())
    return {line: digest for line, digest in state.edits.items() if line not in persons}


def _has_made_tree(ctx: ServiceContext, part: Mapping[str, Any]) -> bool:
    release = ctx.releases.live()
    if release:
        return bool(ctx.releases.completion(release).get("deploy") == ctx.deploy)
    return any(step["action"] == "checkout" for step in part["steps"])
