"""A merge, a rebase or the like that a person left half-done in a clone: git can stash no part of it."""

from __future__ import annotations

import os

from ..errors import NotReady
from ..protocol import UNMERGED
from ..quoting import for_sh
from .command import Git
from .state import State
from .tree_paths import named, path_of

# What git keeps in its directory meanwhile, and the command that gives it up.
OPERATIONS = (("rebase-apply/applying", "am --abort"), ("rebase-apply", "rebase --abort"),
              ("rebase-merge", "rebase --abort"), ("CHERRY_PICK_HEAD", "cherry-pick --abort"),
              ("REVERT_HEAD", "revert --abort"), ("MERGE_HEAD", "merge --abort"))
STASH = "reset --merge"                 # `git stash pop` met a conflict: its entry stays
NAMED = 5                               # paths in a message


def refuse(git: Git, state: State) -> None:
    """Raise NotReady where files of the clone are still to be merged."""
    paths = [path_of(line) for line in state.edits if line[:2] in UNMERGED]
    if not paths:
        return
    git_dir = git.git_dir()
    command = next((command for name, command in OPERATIONS if os.path.exists(os.path.join(git_dir, name))), STASH)
    raise NotReady(f"a merge was left half-done in {git.directory}: conflicts in {named(paths, NAMED)}",
                   f"finish it on the host, or give it up: git -C {for_sh(git.directory)} {command}")
