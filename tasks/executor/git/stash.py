"""git's stash, by the label that a deploy gives to its entry."""

from __future__ import annotations

from ..output_lines import Say
from .command import Git
from .state import overlooked

NOBODY = ("-c", "user.name=fabvisor", "-c", "user.email=fabvisor@localhost")


class Stash:
    def __init__(self, git: Git) -> None:
        self._git = git

    def push(self, label: str, say: Say) -> None:
        self._stop_overlooking()
        self._git.run(*NOBODY, "stash", "push", "--quiet", "--message", label, say=say)

    def copy(self, label: str, say: Say) -> None:
        """As push(), but the files stay as they are: a program runs from them."""
        self._stop_overlooking()
        entry = self._git.run(*NOBODY, "stash", "create", label)
        if entry:
            self._git.run("stash", "store", "--message", label, entry[0], say=say)

    def find(self, label: str) -> str | None:
        """The name of the entry with that label; None where there is none."""
        entries = (line.partition(" ") for line in self._git.run("stash", "list", "--format=%gd %s"))
        return next((name for name, _, subject in entries if subject.endswith(label)), None)

    def pop(self, label: str, say: Say) -> None:
        name = self.find(label)
        if name:
            self._git.run("stash", "pop", "--quiet", "--index", name, say=say)

    def drop(self, label: str) -> None:
        name = self.find(label)
        if name:
            self._git.run("stash", "drop", "--quiet", name)

    def _stop_overlooking(self) -> None:
        """Edited files that git was told to overlook would not be stashed."""
        paths = [entry.path for entry in overlooked(self._git)]
        for flag in ("--no-assume-unchanged", "--no-skip-worktree") if paths else ():
            self._git.run("update-index", flag, "--", *paths)
