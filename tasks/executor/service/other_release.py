"""A release of Capistrano, Deployer or ansistrano below `releases/`. It is read and run, and never changed."""

from __future__ import annotations

import os

from .. import git
from ..disk import files
from ..git.errors import Foreign

REVISION = "REVISION"               # the file with the commit, which these tools leave in a release


class OtherRelease(git.Worktree):
    def head(self) -> str | None:
        """The full commit that the release names; else that of a clone of its own; None where neither is known."""
        named = files.read_text(os.path.join(self.directory, REVISION)).strip()
        if git.FULL.fullmatch(named):
            return named
        try:
            return super().head()
        except Foreign:                # of another user: git does not read it
            return None

    def state(self) -> git.State:
        """What was edited there is not looked for: it stays as it is."""
        return git.State(self.head(), None, {})
