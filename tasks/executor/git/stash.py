"""git's stash, by the label that a deploy gives to its entry."""

from __future__ import annotations

import os
from typing import Iterable, Sequence

from ..system.output_lines import Say
from . import file_modes
from .command import Git
from .in_the_way import missing, others
from .index import mark
from .state import modified_as_written, overlooked, read
from .tree_paths import null_ended, path_of, remove_empty

NOBODY = ("-c", "user.name=fabvisor", "-c", "user.email=fabvisor@localhost")


class Stash:
    def __init__(self, git: Git) -> None:
        self._git = git

    def push(self, label: str, say: Say, takes_all: bool = False) -> None:
        """Stash all edits, or all files. What git calls modified for ever stays out: it would be in the way of its own
        return."""
        edits = read(self._git).edits
        self._require_no_lock()
        paths = [*map(path_of, edits)] + (others(self._git, ["."]) if takes_all else [])
        file_modes.note(self._git, label, paths)
        self._stop_overlooking()
        self._add_intended(edits)
        as_written = modified_as_written(self._git)
        mark(self._git, "--assume-unchanged", as_written)
        try:
            self._git.run(*NOBODY, "stash", "push", "--quiet", *(["--all"] if takes_all else []),
                          "--message", label, say=say)
        finally:
            mark(self._git, "--no-assume-unchanged", as_written)

    def take_away(self, paths: Sequence[str], label: str) -> None:
        """Stash these files, of no commit, as `git stash --all` would; their folders go where nothing else is there."""
        file_modes.note(self._git, label, paths)
        self.copy_files(paths, label)
        for path in paths:
            os.unlink(os.path.join(self._git.directory, path))
            remove_empty(self._git.directory, os.path.dirname(path))

    def copy_files(self, paths: Sequence[str], label: str) -> None:
        """Stash these files, of no commit; they stay where they are."""
        with self._git.scratch_index() as index:
            index.run("update-index", "--add", "-z", "--stdin", given=null_ended(paths))
            tree = index.run("write-tree")[0]
        head = self._git.hash_of("HEAD^{commit}")
        same = f"{head}^{{tree}}" if head else self._git.empty_tree()
        head = head or self._commit(same, label)
        entry = self._commit(same, label, head, self._commit(same, label, head), self._commit(tree, label))
        self._git.run("stash", "store", "--message", label, entry)

    def bring_back(self, label: str) -> None:
        """Bring back what take_away() took, or a push() of all files, whatever lies there now."""
        name = self.find(label)
        if name:
            with self._git.scratch_index() as index:
                index.run("read-tree", name + "^3")
                index.run("checkout-index", "--all", "--force")
            self._git.run("stash", "drop", "--quiet", name)
        file_modes.put_back(self._git, label)

    def _is_there(self, path: str) -> bool:
        return os.path.lexists(os.path.join(self._git.directory, path))

    def _commit(self, tree: str, message: str, *parents: str) -> str:
        options = [word for parent in parents for word in ("-p", parent)]
        return self._git.run(*NOBODY, "commit-tree", tree, *options, "-m", message)[0]

    def copy(self, label: str, say: Say) -> None:
        """As push(), but the files stay as they are: a program runs from them. What is in the place of tracked files is
        not in it."""
        self._require_no_lock()
        self._stop_overlooking()
        self._add_intended(read(self._git).edits)
        with self._git.scratch_index(is_copy=True) as index:
            # git fails for a path that leads through a link.
            mark(index, "--assume-unchanged", [path for path in missing(self._git) if self._is_there(path)])
            # git fails without a word where files have another time only, as after a copy of the whole clone.
            index.succeeds("update-index", "-q", "--refresh")
            entry = index.run(*NOBODY, "stash", "create", label)
        if entry:
            self._git.run("stash", "store", "--message", label, entry[0], say=say)

    def find(self, label: str) -> str | None:
        """The name of the entry with that label, in full, for a tag may be called `stash`; None where there is none."""
        entries = (line.partition(" ") for line in self._git.run("stash", "list", "--format=%gD %s"))
        return next((name for name, _, subject in entries if subject.endswith(label)), None)

    def pop(self, label: str, say: Say) -> None:
        name = self.find(label)
        if name:
            self._git.run("stash", "pop", "--quiet", "--index", name, say=say)
        file_modes.put_back(self._git, label)

    def drop(self, label: str) -> None:
        name = self.find(label)
        if name:
            self._git.run("stash", "drop", "--quiet", name)

    def _require_no_lock(self) -> None:
        """Raise Locked while another git holds the index: `git stash` fails then without a word."""
        self._git.run("update-index", "--force-write-index")

    def _add_intended(self, edits: Iterable[str]) -> None:
        """Add the files that `git add --intent-to-add` named: git cannot stash them else. `git diff-files` before 2.28
        does not tell which they are."""
        paths = [path_of(line) for line in edits if line[1] == "A"]
        if paths:
            self._git.run("--literal-pathspecs", "add", "--", *paths)

    def _stop_overlooking(self) -> None:
        """Let git see the edited files that it was told to overlook: it would not stash them."""
        paths = [entry.path for entry in overlooked(self._git)]
        for flag in ("--no-assume-unchanged", "--no-skip-worktree"):
            mark(self._git, flag, paths)
