"""The repository on the git server: fetches from it, and asks it for its branches and tags."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator

from ..disk import files
from ..errors import NotReady
from ..state import locks
from ..system.output_lines import Say, silent
from . import refs
from .command import Git

# Our own refs: no branch of the clone moves by a fetch.
HEADS, TAGS = "refs/fabvisor/heads/", "refs/fabvisor/tags/"


class Remote:
    """`fetched`: by its full name, the commit of each branch as the last fetch brought it."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self.fetched: dict[str, str] = {}

    def fetch(self, say: Say = silent) -> None:
        """Fetch all branches and tags into our own refs: no branch, no file of the service directory changes.

        Builds call `git describe`: the tags are also where git looks for them. `fetch --tags` would write them there,
        but not past a `release` that became `release/1.0`.
        """
        with fetch_lock(self._git):
            self._git.network("fetch", "--force", "--prune", "--no-tags", "--no-recurse-submodules", "--refmap=", "--",
                              self._source(), f"+refs/heads/*:{HEADS}*", f"+refs/tags/*:{TAGS}*", say=say)
            present = refs.read(self._git, HEADS, TAGS, "refs/tags/")
            refs.copy_all(self._git, present, TAGS, "refs/tags/")
        self.fetched.clear()
        self.fetched.update((name, commit) for name, commit in present.items() if name.startswith(HEADS))

    def fetch_commit(self, commit: str, say: Say = silent, *, alone: bool = False) -> None:
        """Fetch a commit by its full name: servers often give one that no branch holds any more. `alone`: without those
        before it."""
        depth = ["--depth=1"] if alone else []
        with fetch_lock(self._git):
            self._git.network("fetch", *depth, "--no-tags", "--no-recurse-submodules", "--refmap=", "--",
                              self._source(), commit, say=say)

    def _source(self) -> str:
        """The repository; by its name where the clone is partial, for git keeps a filter by the name of a remote. Of
        several urls git fetches from the first."""
        if self._git.is_partial():
            for name in self._git.run("remote"):
                kept = [self._git.first_line("config", "--get-all", f"remote.{name}.{key}")
                        for key in ("promisor", "url")]
                if kept == ["true", self._git.repo]:
                    return name
        return self._git.repo

    def is_behind(self, branch: str, commit: str) -> bool:
        """Whether the branch, as it was fetched last, surely is at another commit than the server's: then a fetch is
        due, whatever is here. git keeps it in a file of its own, until somebody packs it."""
        fetched = files.read_text(os.path.join(self._git.common_dir(), HEADS + branch)).strip()
        return fetched not in ("", commit)

    def try_commit(self, commit: str) -> None:
        """Fetch a commit, if the server has it."""
        try:
            self.fetch_commit(commit)
        except NotReady:
            pass

    def resolve(self, revision: str) -> tuple[str | None, str | None]:
        """(commit, branch) of a branch or tag, asked of the server; the directory need not be a clone."""
        names = ["refs/heads/" + revision, "refs/tags/" + revision + "^{}", "refs/tags/" + revision]
        lines = self._git.network("ls-remote", "--", self._git.repo, *names)
        commits = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
        for name in names:
            if name in commits:
                return commits[name], revision if name == names[0] else None
        return None, None

    def a_commit(self) -> str | None:
        """Any commit or tag that the server has: its length tells how the repository names all of them."""
        lines = self._git.network("ls-remote", "--", self._git.repo)
        return lines[0].partition("\t")[0] if lines else None


@contextlib.contextmanager
def fetch_lock(git: Git) -> Iterator[None]:
    """Let one fetch run at a time: `plan` fetches under no lock of the service, and two would meet git's own locks."""
    with locks.waiting(os.path.join(git.common_dir(), "fabvisor-fetch"), git.fetch_timeout, git.check):
        yield
