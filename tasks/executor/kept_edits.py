"""Keeps what was edited or committed in a tree before the undo of a deploy that was cut off: that overwrites it."""

from __future__ import annotations

from typing import Any, Mapping

from . import facts, history
from .context import ServiceContext
from .errors import CannotRestore, HostError
from .output_lines import silent


def keep(ctx: ServiceContext, record: Mapping[str, Any]) -> None:
    """Copy edits into git's stash, and hold a commit on no branch by a reference. `record`: that of the deploy.

    Files that a checkout wrote before it was cut off are nobody's edits. Raises CannotRestore where edits
    cannot be kept.
    """
    tree, label = ctx.tree, f"{ctx.deploy}-cut-off"
    try:
        if tree.is_half_checked_out():
            return
        state = tree.state()
    except HostError:                   # nothing can be known of a broken clone: its undo says why
        return
    edited = facts.edited(state, history.known(ctx.layout, ctx.name), ctx.releases.live())
    if edited:
        try:
            tree.stash.copy(label, silent)
        except HostError as error:
            raise CannotRestore(f"{ctx.name}: files were edited on the host and cannot be kept, so nothing is undone:"
                                f" {error.message}",
                                f"correct the cause on the host, then: fab recover {ctx.name}; or keep what is there"
                                f" now: fab recover {ctx.name} --accept") from None
        ctx.warn(f"{ctx.name}: what was changed in it, by a person or by deploy {ctx.deploy} before it was cut off, is"
                 " in git's stash now: " + ", ".join(map(state.describe, edited)))
    if state.commit and not state.branch and state.commit not in (record.get("from"), record.get("to")):
        tree.set_aside(label).keep_head()
