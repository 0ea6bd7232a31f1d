"""Keeps what was edited or committed in a tree before the undo of a deploy, which overwrites it."""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping

from . import facts, git, history
from .context import ServiceContext
from .errors import CannotRestore, HostError
from .output_lines import silent


def keep(ctx: ServiceContext, record: Mapping[str, Any]) -> None:
    """Of a deploy that was cut off: what is edited now. `record`: that of the deploy.

    Files that a checkout wrote before it was cut off are nobody's edits. Raises CannotRestore where edits
    cannot be kept.
    """
    _keep(ctx, record, lambda state: facts.edited(state, history.known(ctx.layout, ctx.name), ctx.releases.live()),
          f"by a person or by deploy {ctx.deploy} before it was cut off")


def keep_later(ctx: ServiceContext, record: Mapping[str, Any], moment: float) -> None:
    """Of a deploy that goes back by itself: what was edited after `moment`, when all was built (seconds of the clock).

    What was edited before is the build's. Raises CannotRestore.
    """
    _keep(ctx, record, lambda state: [line for line in state.edits if _changed(ctx, line) > moment],
          f"while deploy {ctx.deploy} was on its way")


def _keep(ctx: ServiceContext, record: Mapping[str, Any], find_edited: Callable[[git.State], list[str]],
          when: str) -> None:
    """Copy edits into git's stash, and hold a commit on no branch by a reference."""
    tree, label = ctx.tree, f"{ctx.deploy}-kept"
    try:
        if tree.is_half_checked_out():
            return
        state = tree.state()
    except HostError:                   # nothing can be known of a broken clone: its undo says why
        return
    edited = find_edited(state)
    if edited:
        try:
            tree.stash.copy(label, silent)
        except HostError as error:
            raise CannotRestore(f"{ctx.name}: files were edited on the host and cannot be kept, so nothing is undone:"
                                f" {error.message}",
                                f"correct the cause on the host, then: fab recover {ctx.name}; or keep what is there"
                                f" now: fab recover {ctx.name} --accept") from None
        ctx.warn(f"{ctx.name}: what was changed in it, {when}, is in git's stash now: "
                 + ", ".join(map(state.describe, edited)))
    if state.commit and not state.branch and state.commit not in (record.get("from"), record.get("to")):
        tree.set_aside(label).keep_head()


def _changed(ctx: ServiceContext, line: str) -> float:
    """When the file of an edit was written last; 0 where it is gone: nothing of it would be lost."""
    try:
        return os.lstat(os.path.join(ctx.tree.directory, line[3:])).st_ctime
    except OSError:
        return 0
