"""A git worktree of the clone: files of its own, the clone's objects, refs and stash."""

from __future__ import annotations

import os
import shutil

from . import files, git, shell


class Worktree(git.Clone):
    def __init__(self, directory: str, of: git.Clone) -> None:
        super().__init__(directory, of.repo, of._env, of._check)
        self._of = of

    def make(self, commit: str, say: shell.Say) -> None:
        """Detached, with the commit's submodules."""
        os.makedirs(os.path.dirname(self.directory), exist_ok=True)
        self._of._git("worktree", "add", "--detach", "--force", self.directory, commit,
                      say=say, timeout=git.SLOW)
        self.follow_submodules(say)

    def remove(self) -> None:
        """The files, then what git knows of it: `worktree prune` spares one that was only half made (it is locked)."""
        if os.path.isdir(self.directory) and not os.path.islink(self.directory):
            shutil.rmtree(self.directory)
        elif os.path.lexists(self.directory):
            os.unlink(self.directory)
        if not self._of.exists():
            return
        common = self._of._git("rev-parse", "--git-common-dir")[0]
        known = os.path.join(self._of.directory, common, "worktrees")
        for name in os.listdir(known) if os.path.isdir(known) else []:
            leads_to = (files.read_bytes(os.path.join(known, name, "gitdir")) or b"").decode("utf-8", "surrogateescape")
            if _same(leads_to.rstrip("\n"), os.path.join(self.directory, ".git")):
                shutil.rmtree(os.path.join(known, name))

    def skip_worktree(self, path: str) -> bool:
        """What the commit has at that path counts as unchanged from now on, whatever is put there."""
        tracked = self._git("--literal-pathspecs", "ls-files", "--", path)
        if tracked:
            self._git("update-index", "--skip-worktree", "--", *tracked)
        return bool(tracked)


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
