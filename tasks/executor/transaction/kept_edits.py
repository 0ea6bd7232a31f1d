"""Keeps what was edited or committed in a tree before the undo of a deploy, which overwrites it."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from .. import git
from ..errors import HostError, NotReady
from ..git import edits
from ..git.overwritten import Overwritten, overwritten
from ..git.stash import Stash
from ..git.tree_paths import named
from ..service import facts
from ..service.context import ServiceContext
from ..state import history
from ..steps import in_place, placed_files
from .tree_times import TreeTimes


def keep(ctx: ServiceContext, record: Mapping[str, Any], undos: Sequence[Mapping[str, Any]], times: TreeTimes | None
         ) -> None:
    """Copy edits and files in the way into git's stash, edits of files that were placed beside it, and hold commits on
    no branch by references. Raises HostError.

    `record`: that of the deploy; `undos`: the arguments of what undoes its checkout in the clone; `times`: None
    where it was cut off, and a person may have had the tree since then.
    """
    tree, label = ctx.tree, ctx.deploy + edits.COPIED
    try:
        state = tree.state()
    except git.Locked:
        raise
    except HostError:                   # nothing can be known of a broken clone: its undo says why
        return
    if not all(in_place.overwrites(ctx, undo) for undo in undos):
        return
    tree.require_merged(state)
    edited = _edited(ctx, record, times, state)
    is_of_person = times.may_be_of_person if times and times.has_checked_out else lambda changed_at: True
    placed_files.keep_changed(ctx, is_of_person)
    files = [each for undo in undos if undo["commit"] for each in _in_the_way(ctx, undo["commit"], times)]
    if not (times and times.has_checked_out):
        files = _unwritten(ctx, record, files)
    if edited:
        edits.copy(tree.git, ctx.deploy)
    for owner in dict.fromkeys(each.git for each in files):
        Stash(owner).copy_files([each.path for each in files if each.git is owner], label)
    if edited or files:
        _warn(ctx, [*map(state.describe, edited), _named(ctx, files)], times)
    if state.commit and not state.branch and state.commit not in (record.get("from"), record.get("to")):
        ctx.warn(f"{ctx.name}: commit {state.commit[:8]}, which was checked out in it on no branch, is kept: "
                 + tree.set_aside(label).keep_head())


def _warn(ctx: ServiceContext, kept: Sequence[str], times: TreeTimes | None) -> None:
    when = (f"while deploy {ctx.deploy} was on its way" if times
            else f"by a person or by deploy {ctx.deploy} before it was cut off")
    ctx.warn(f"{ctx.name}: what was changed in it, {when}, is in git's stash now: {', '.join(filter(None, kept))}")


def _in_the_way(ctx: ServiceContext, commit: str, times: TreeTimes | None) -> list[Overwritten]:
    """The files of no commit that the undo overwrites, but for those that a command of ours left or we placed. Raises
    NotReady for what git cannot stash."""
    is_of_command = times.is_of_command if times else lambda changed_at: False
    placed = ctx.releases.placed(None)
    ours = {placed.path(path) for path in placed.record().written}
    files = [each for each in overwritten(ctx.clone.git, commit)
             if each.full_path not in ours and not all(map(is_of_command, each.changed_at))]
    fixed = [each for each in files if each.is_fixed]
    if fixed:
        raise NotReady("in the way of the version before are repositories or special files, which git cannot stash: "
                       + _named(ctx, fixed),
                       "move them away on the host")
    return files


def _unwritten(ctx: ServiceContext, record: Mapping[str, Any], files: list[Overwritten]) -> list[Overwritten]:
    """Those that a checkout which was cut off did not write."""
    if not record.get("to"):
        return files
    lines = {f"?? {each.path}": each for each in files if each.git is ctx.clone.git}
    others = edits.unwritten(ctx.clone.git, record["to"], lines)
    return [each for each in files if each.git is not ctx.clone.git or f"?? {each.path}" in others]


def _named(ctx: ServiceContext, files: Sequence[Overwritten]) -> str:
    return named([os.path.relpath(each.full_path, ctx.directory) for each in files])


def _edited(ctx: ServiceContext, record: Mapping[str, Any], times: TreeTimes | None, state: git.State) -> list[str]:
    """As lines of `git status`. Once a checkout came to its end, the time of a file tells; before that, its content."""
    if times and times.has_checked_out:
        return [line for line in state.edits
                if any(map(times.may_be_of_person, edits.changes_at(ctx.tree.git, line)))]
    edited = facts.edited(state, history.known(ctx.layout, ctx.name), ctx.releases.live())
    return edits.unwritten(ctx.tree.git, record["to"], edited, record.get("from")) if record.get("to") else edited
