"""The commits of a clone: which are here, what a revision names, and how far one is from another."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Mapping, NamedTuple, Sequence

from ..disk import files
from ..errors import NotReady
from ..protocol import IS_TAG, CommitInfo
from ..system.shell import CommandFailed
from .command import Git
from .object_format import FULL
from .remote import HEADS, TAGS

ABBREVIATED = re.compile(r"[0-9a-fA-F]{4,64}")
KINDS = {"040000": "folder", "120000": "link", "160000": "submodule"}       # by mode; any other is a file
LISTED = 20                         # commits in a direction
AT_ONCE = 500                       # paths in a command: all arguments together have 2 MB at most


class Distance(NamedTuple):
    """Counts the commits behind and ahead, None where nobody can tell; of each direction the newest LISTED, newest
    first, as {commit, author, subject}."""

    behind: int | None
    ahead: int | None
    dropped: list[CommitInfo]
    added: list[CommitInfo]


class Commits:
    """`fetched`: by its full name, the commit of each branch that a fetch of this command brought."""

    def __init__(self, git: Git, fetched: Mapping[str, str] = MappingProxyType({})) -> None:
        self._git = git
        self._fetched = fetched

    def has(self, commit: str) -> bool:
        """Whether the commit is here with all of its files: a fetch that met a full disk leaves one without them. What
        a partial clone was promised may be missing, and stays so."""
        return self._git.succeeds("rev-list", "--objects", "--no-walk", "--quiet", "--missing=allow-promisor",
                                  commit + "^{commit}", "--")       # of a bare hash git 2.45 allows that it is missing

    def has_path(self, commit: str, path: str) -> bool:
        """Whether the commit has such a file or folder."""
        return self._git.hash_of(f"{commit}:{path}") is not None

    def subtree(self, commit: str, folder: str) -> str | None:
        """git's hash of a folder of the commit, which is the same for the same content; None where it has no such
        folder."""
        return self._git.hash_of(f"{commit}:{folder}/")

    def kind(self, commit: str, path: str) -> str:
        """What the commit has there: a folder, a file, a link, a submodule; empty where there is nothing."""
        return self._kinds(commit, [path]).get(path, "")

    def tracked(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """By path what of the commit is in the way of a file: the path itself, or a part of it that is no folder; those
        at which nothing is are left out."""
        kinds = self._kinds(commit, [*{part: None for path in paths for part in (*files.parents(path), path)}])
        return {path: part for path in paths if (part := _in_the_way(path, kinds))}

    def _kinds(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """kind() of all at which there is something, and of what lies beside them."""
        kinds = {}
        for start in range(0, len(paths), AT_ONCE):
            for line in self._listed(commit, paths[start:start + AT_ONCE]):
                about, _, path = line.partition("\t")
                kinds[path] = KINDS.get(about.partition(" ")[0], "file")
        return kinds

    def _listed(self, commit: str, paths: Sequence[str]) -> list[str]:
        try:
            return self._git.paths("--literal-pathspecs", "ls-tree", "-z", "-t", commit, "--", *paths)
        except CommandFailed:               # there is no such commit
            return []

    def resolve(self, revision: str) -> tuple[str | None, str | None]:
        """(commit, branch): a full commit, then a branch, then a tag, then an abbreviated commit."""
        if FULL.fullmatch(revision):
            return (self.named_in_full(revision), None) if self.has(revision) else (None, None)
        for prefix in (HEADS, TAGS):
            commit = self._fetched.get(prefix + revision) or self._git.hash_of(prefix + revision + "^{commit}")
            if commit:
                return commit, revision if prefix == HEADS else None
        if ABBREVIATED.fullmatch(revision):
            return self._git.hash_of(revision.lower() + "^{commit}"), None
        return None, None

    def named_in_full(self, name: str) -> str:
        """The name, of a commit that is here. Raises NotReady for that of an annotated tag: it would be no commit's."""
        commit = self._git.hash_of(name + "^{commit}")
        if commit != name:
            raise NotReady(IS_TAG.format(name), f"give its commit: {commit}")
        return name

    def is_in(self, commit: str, revision: str) -> bool:
        """Whether the commit is in the branch, or is that of the tag, as this host fetched them; or the revision names
        the commit itself."""
        if FULL.fullmatch(revision):
            return revision == commit
        return (self._fetched.get(HEADS + revision) == commit
                or self._git.succeeds("merge-base", "--is-ancestor", commit, HEADS + revision)
                or self.resolve(revision)[0] == commit)

    def distance(self, was: str, commit: str) -> Distance:
        """How far it is from `was` to `commit`: one `git log`, unless there is more than it lists."""
        span = f"{was}...{commit}"
        try:
            dropped, added = self._newest(span)
        except CommandFailed:
            return Distance(None, None, [], [])
        if len(dropped) + len(added) <= LISTED:
            return Distance(len(dropped), len(added), dropped, added)
        counts = self._git.run("rev-list", "--left-right", "--count", span, "--")[0]
        behind, ahead = map(int, counts.split())
        return Distance(behind, ahead, self._newest(span, "--left-only")[0][:LISTED],
                        self._newest(span, "--right-only")[1][:LISTED])

    def subject(self, commit: str) -> str:
        """The first line of its message; empty where it is not here."""
        return self._git.first_line("log", "-1", "--format=%s", commit, "--") or ""

    def _newest(self, span: str, *side: str) -> tuple[list[CommitInfo], list[CommitInfo]]:
        """The newest commits on the left side of A...B, and those on its right: LISTED and one more together. `side`:
        an option for one of them alone. Raises CommandFailed."""
        lines = self._git.run("log", f"-{LISTED + 1}", "--left-right", *side, "--format=%m%x09%H%x09%an%x09%s", span,
                              "--")
        sides: dict[str, list[CommitInfo]] = {"<": [], ">": []}
        for line in lines:
            mark, *row = line.split("\t", 3)
            if mark in sides and len(row) == 3:
                sides[mark].append({"commit": row[0], "author": row[1], "subject": row[2]})
        return sides["<"], sides[">"]


def _in_the_way(path: str, kinds: Mapping[str, str]) -> str:
    blocked = next((part for part in files.parents(path) if kinds.get(part, "folder") != "folder"), "")
    return blocked or (path if path in kinds else "")
