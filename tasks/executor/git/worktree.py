"""A git worktree of a clone: files of its own; the clone's objects, refs and stash."""

from __future__ import annotations

import os
import shutil

from ..disk import files
from ..system.output_lines import Say
from . import index
from .clone import Clone
from .command import SLOW
from .verification import verified

CRYPT_FOLDER = "git-crypt"


class Worktree(Clone):
    def __init__(self, directory: str, clone: Clone) -> None:
        super().__init__(directory, clone.repo, clone.git.env, clone.git.check, clone.git.login,
                         clone.git.fetch_timeout)
        self._clone = clone

    def exists(self) -> bool:
        """Whether the clone still has its record of it: else git can tell nothing about these files."""
        return bool(self.git.git_dir())

    def make(self, commit: str, say: Say, carried: bool = False) -> None:
        """Check the commit out in a new folder."""
        os.makedirs(os.path.dirname(self.directory), exist_ok=True)
        with verified(self.git, commit, say) as recorded:
            self._clone.git.run("worktree", "add", "--detach", "--force", "--no-checkout", self.directory, commit,
                                say=recorded)
            self._link_key()
            self.git.run("checkout", "--detach", "--quiet", "--force", commit + "^0", "--", say=recorded, timeout=SLOW)
            self.follow_submodules(recorded, carried)

    def _link_key(self) -> None:
        """git-crypt looks for its key in the git directory, which is another one for a worktree."""
        key = os.path.join(self._clone.git.common_dir(), CRYPT_FOLDER)
        if os.path.isdir(key):
            os.symlink(key, os.path.join(self.git.git_dir(), CRYPT_FOLDER))

    def remove(self) -> None:
        """Remove the files, then git's record of it: `worktree prune` spares one that was half made (it is locked)."""
        files.remove_whole(self.directory)
        if not self._clone.exists():
            return
        records = os.path.join(self._clone.git.common_dir(), "worktrees")
        for name in os.listdir(records) if os.path.isdir(records) else []:
            git_file = files.read_text(os.path.join(records, name, "gitdir")).rstrip("\n")
            if files.is_same_path(os.path.join(records, name, git_file), os.path.join(self.directory, ".git")):
                shutil.rmtree(os.path.join(records, name))

    def skip_worktree(self, path: str) -> bool:
        """Let git take what lies at `path` as unchanged from now on; returns whether the commit has anything there."""
        tracked = self.git.paths("--literal-pathspecs", "ls-files", "-z", "--", path)
        index.mark(self.git, "--skip-worktree", tracked)
        return bool(tracked)
