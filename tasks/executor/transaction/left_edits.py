"""The edits that a committed deploy leaves in a tree and that are no person's: a build made them, or a hook."""

from __future__ import annotations

from typing import Any, Mapping

from .. import git
from ..git import edits
from ..service import facts
from ..service.context import ServiceContext
from ..state import history
from .tree_times import TreeTimes


def of_service(ctx: ServiceContext, state: git.State, part: Mapping[str, Any], times: TreeTimes
               ) -> dict[str, str | None]:
    """By line of `git status` the digest. `part`: the service's part of the plan.

    A checkout has refused or stashed what a person edited before it; since then the time of a file tells. A restart, as
    all that makes no tree, lets it lie there.
    """
    if not state.edits:
        return {}
    if _has_made_tree(ctx, part):
        persons = [line for line in state.edits if any(map(times.is_of_person, edits.changes_at(ctx.tree.git, line)))]
    else:
        persons = facts.edited(state, history.known(ctx.layout, ctx.name), ctx.releases.live())
    return {line: digest for line, digest in state.edits.items() if line not in persons}


def _has_made_tree(ctx: ServiceContext, part: Mapping[str, Any]) -> bool:
    release = ctx.releases.live()
    if release:
        return bool(ctx.releases.completion(release).get("deploy") == ctx.deploy)
    return any(step["action"] == "checkout" for step in part["steps"])
