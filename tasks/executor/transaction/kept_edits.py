"""Keeps what was edited or committed in a tree before the undo of a deploy, which overwrites it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .. import git
from ..errors import HostError
from ..git import edits
from ..service import facts
from ..service.context import ServiceContext
from ..state import history
from ..steps import in_place, placed_files
from .tree_times import TreeTimes


def keep(ctx: ServiceContext, record: Mapping[str, Any], undos: Sequence[Mapping[str, Any]], times: TreeTimes | None
         ) -> None:
    """Copy edits into git's stash, those of files that were placed beside it, and hold commits on no branch by
    references. Raises HostError.

    `record`: that of the deploy; `undos`: the arguments of what undoes its checkout in the clone; `times`: None
    where it was cut off, and a person may have had the tree since then.
    """
    tree, label = ctx.tree, f"{ctx.deploy}-kept"
    try:
        state = tree.state()
    except git.Locked:
        raise
    except HostError:                   # nothing can be known of a broken clone: its undo says why
        return
    if not all(in_place.overwrites(ctx, undo) for undo in undos):
        return
    edited = _edited(ctx, record, times, state)
    is_of_person = times.may_be_of_person if times and times.has_checked_out else lambda changed_at: True
    placed_files.keep_changed(ctx, is_of_person)
    if edited:
        edits.copy(tree.git, label)
        when = (f"while deploy {ctx.deploy} was on its way" if times
                else f"by a person or by deploy {ctx.deploy} before it was cut off")
        ctx.warn(f"{ctx.name}: what was changed in it, {when}, is in git's stash now: "
                 + ", ".join(map(state.describe, edited)))
    if state.commit and not state.branch and state.commit not in (record.get("from"), record.get("to")):
        tree.set_aside(label).keep_head()


def _edited(ctx: ServiceContext, record: Mapping[str, Any], times: TreeTimes | None, state: git.State) -> list[str]:
    """As lines of `git status`. Once a checkout came to its end, the time of a file tells; before that, its content."""
    if times and times.has_checked_out:
        return [line for line in state.edits if times.may_be_of_person(edits.changed_at(ctx.tree.git, line))]
    edited = facts.edited(state, history.known(ctx.layout, ctx.name), ctx.releases.live())
    return edits.unwritten(ctx.tree.git, record["to"], edited) if record.get("to") else edited
