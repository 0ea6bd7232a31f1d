"""The commits of a mirror: which are here, what a revision names, how far one is from another. It only reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from .._errors import NotReady
from ..executor.protocol import IS_TAG
from . import git
from .git import GitFailed

FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
ABBREVIATED = re.compile(r"[0-9a-fA-F]{4,64}")
COMMITS_SHOWN = 20


class Resolution(NamedTuple):
    """`branch`: null for a tag or a bare commit."""

    commit: str
    branch: str | None


class Distance(NamedTuple):
    """How many commits are left behind (`back`) and added (`forward`), null where nobody can tell; of each the newest
    COMMITS_SHOWN, newest first: {commit, author, subject}."""

    back: int | None
    forward: int | None
    dropped: list[dict[str, str]]
    commits: list[dict[str, str]]


class Commits:
    """`folder`: the bare repository; `env`: the environment that git runs with."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = env

    def find(self, revision: str) -> Resolution | None:
        """What a revision names: a full commit that is here, then a branch, a tag, an abbreviated commit, as hosts do.

        Raises NotReady for the full name of an annotated tag, which `git rev-parse TAG` prints."""
        if FULL.fullmatch(revision):
            commit = self.full(revision)
            if commit not in (revision, None):
                raise NotReady(IS_TAG.format(revision), f"give its commit: {commit}")
            return Resolution(revision, None) if commit else None
        for kind in ("heads", "tags"):
            commit = self.full(f"refs/{kind}/{revision}")
            if commit:
                return Resolution(commit, revision if kind == "heads" else None)
        commit = self.full(revision.lower()) if ABBREVIATED.fullmatch(revision) else None
        return Resolution(commit, None) if commit else None

    def has(self, commit: str) -> bool:
        """Whether the commit is here with all of its files: a fetch that met a full disk leaves one without them."""
        try:
            self.ask("rev-list", "--objects", "--quiet", "--max-count=1", "--end-of-options", commit)
            return True
        except GitFailed:
            return False

    def is_whole(self, commit: str) -> bool:
        """Whether all commits before it are here, which a shallow clone lacks."""
        return self._maybe("rev-list", "--count", "--end-of-options", commit) is not None

    def is_related(self, commit: str) -> bool | None:
        """Whether it has a commit in common with a branch; None where no branch is here."""
        branches = self.ask("for-each-ref", "--format=%(objectname)", "refs/heads/").split()
        return self._maybe("merge-base", commit, *branches) is not None if branches else None

    def known(self, commits: Iterable[str]) -> list[str]:
        """Those of the commits that are here; the rest is other repositories' or was never fetched."""
        names = [commit for commit in dict.fromkeys(commits) if FULL.fullmatch(commit)]
        listed = self.ask("cat-file", "--batch-check=%(objectname) %(objecttype)", given="\n".join(names) + "\n")
        return [name for name, line in zip(names, listed.splitlines(), strict=False) if line == f"{name} commit"]

    def holds(self, commit: str, path: str) -> bool:
        """Whether the commit has such a file or folder."""
        return self._object(commit, path) is not None

    def subtree(self, commit: str, folder: str) -> str | None:
        """git's hash of a folder of the commit, which is the same for the same content; None where it has no such
        folder."""
        return self._object(commit, folder + "/")

    def subject(self, commit: str) -> str:
        """The first line of a commit's message."""
        return self._maybe("log", "-1", "--format=%s", "--end-of-options", commit) or ""

    def distance(self, was: str | None, commit: str) -> Distance:
        """How far it is from a host's commit to another one, as far as this mirror knows both."""
        if was is None or not self.known([was]):
            return Distance(None, None, [], [])
        counted = self.ask("rev-list", "--left-right", "--count", "--end-of-options", f"{was}...{commit}").split()
        back, forward = int(counted[0]), int(counted[1])
        return Distance(back, forward, self._newest(f"{commit}..{was}") if back else [],
                        self._newest(f"{was}..{commit}") if forward else [])

    def full(self, name: str) -> str | None:
        """The full commit of a reference or an abbreviation; None where there is none."""
        return self._maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")

    def ask(self, *args: str, given: str = "") -> str:
        """The output of a git command that only reads. Raises GitFailed."""
        return git.run(args, self._folder, self._env, given=given)

    def _newest(self, span: str) -> list[dict[str, str]]:
        lines = self.ask("log", f"-{COMMITS_SHOWN}", "--format=%H%x09%an%x09%s", "--end-of-options", span)
        rows = (line.split("\t", 2) for line in lines.split("\n"))
        return [dict(zip(("commit", "author", "subject"), row, strict=True)) for row in rows if len(row) == 3]

    def _object(self, commit: str, path: str) -> str | None:
        return self._maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}:{path}")

    def _maybe(self, *args: str) -> str | None:
        try:
            return self.ask(*args).partition("\n")[0] or None
        except GitFailed:
            return None
