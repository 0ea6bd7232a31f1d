"""A bare copy of one repository in the user's cache: fetched, asked, and packed for hosts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .._errors import NotReady
from . import git
from .git import GitFailed

FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
ABBREVIATED = re.compile(r"[0-9a-fA-F]{4,64}")
COMMITS_SHOWN = 20
LOCK_POLL = 0.1                         # seconds
LOCAL = "refs/fabvisor/local/"          # commits of a folder on this machine


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


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The folder of all mirrors: $XDG_CACHE_HOME/fabvisor, else ~/.cache/fabvisor."""
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()) / "fabvisor"


class Mirror:
    """`repo`: what git fetches from; `env`: the environment that git runs with (see credentials)."""

    def __init__(self, repo: str, cache: Path, env: Mapping[str, str]) -> None:
        self.repo = repo
        self.env = env
        name = re.sub(r"[^A-Za-z0-9._-]", "-", repo.rstrip("/").rpartition("/")[2].removesuffix(".git"))[:40]
        self.folder = cache / f"{name}-{hashlib.sha256(repo.encode()).hexdigest()[:12]}.git"

    @contextmanager
    def locked(self, wait: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock of this mirror; `wait` is told once where another process holds it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(f"{self.folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        waits = False
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waits:
                        wait(f"waiting: another fab fetches {self.repo} into {self.folder}")
                    waits = True
                    time.sleep(LOCK_POLL)
            yield
        finally:
            os.close(descriptor)

    def fetch(self) -> None:
        """All branches and tags, under the lock. A damaged mirror is made anew. Raises TryAgain or NotReady."""
        try:
            self._fetch()
        except GitFailed as failure:
            if not self.folder.exists() or self._is_sound():
                raise git.explain(failure, self.repo) from None
            shutil.rmtree(self.folder)
            try:
                self._fetch()
            except GitFailed as second:
                raise git.explain(second, self.repo) from None

    def fetch_commit(self, commit: str) -> bool:
        """A commit that no branch holds any more can often still be had by its full name."""
        try:
            self._git("fetch", "--no-tags", "--quiet", "--", self.repo, commit, timeout=git.SLOW)
        except GitFailed:
            return False
        return self.has(commit)

    def take_from(self, source: Path) -> str:
        """The HEAD of a folder on this machine, with all that it needs. Raises NotReady."""
        self._create()
        commit = head_of(source, self.env)
        if git.run(["rev-parse", "--is-shallow-repository"], source, self.env).strip() == "true" and \
                not self.has(commit):
            raise NotReady(f"{source} is a shallow clone: it lacks older commits", "git fetch --unshallow")
        self._git("fetch", "--no-tags", "--quiet", "--force", "--", str(source), f"HEAD:{LOCAL}{commit}",
                  timeout=git.SLOW)
        return commit

    def resolve(self, revision: str) -> Resolution | None:
        """A full commit, then a branch, then a tag, then an abbreviated commit: as hosts do."""
        if FULL.fullmatch(revision):
            present = self.has(revision) or self.fetch_commit(revision)
            return Resolution(revision, None) if present else None
        for kind in ("heads", "tags"):
            commit = self._commit_of(f"refs/{kind}/{revision}")
            if commit:
                return Resolution(commit, revision if kind == "heads" else None)
        commit = self._commit_of(revision.lower()) if ABBREVIATED.fullmatch(revision) else None
        return Resolution(commit, None) if commit else None

    def has(self, commit: str) -> bool:
        """With all of its files: a fetch that met a full disk leaves a commit without them."""
        try:
            self._git("rev-list", "--objects", "--quiet", "--max-count=1", "--end-of-options", commit)
            return True
        except GitFailed:
            return False

    def known(self, commits: Iterable[str]) -> list[str]:
        """Those of the commits that are here; the rest is other repositories' or was never fetched."""
        names = [commit for commit in dict.fromkeys(commits) if FULL.fullmatch(commit)]
        listed = self._git("cat-file", "--batch-check=%(objectname) %(objecttype)", given="\n".join(names) + "\n")
        return [name for name, line in zip(names, listed.splitlines(), strict=False) if line == f"{name} commit"]

    def holds(self, commit: str, path: str) -> bool:
        """Whether the commit has such a file or folder."""
        return self._maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}:{path}") is not None

    def subject(self, commit: str) -> str:
        """The first line of a commit's message."""
        return self._maybe("log", "-1", "--format=%s", "--end-of-options", commit) or ""

    def distance(self, was: str | None, commit: str) -> Distance:
        """From a host's commit to another one, as far as this mirror knows both."""
        if was is None or not self.known([was]):
            return Distance(None, None, [], [])
        counted = self._git("rev-list", "--left-right", "--count", "--end-of-options", f"{was}...{commit}").split()
        back, forward = int(counted[0]), int(counted[1])
        return Distance(back, forward, self._newest(f"{commit}..{was}") if back else [],
                        self._newest(f"{was}..{commit}") if forward else [])

    def write_pack(self, commit: str, known: Collection[str], target: Path) -> None:
        """A thin pack of what the commit needs beyond the commits that a host knows. Raises GitFailed."""
        revisions = "\n".join([commit, *(f"^{each}" for each in self.known(known))]) + "\n"
        git.write(["pack-objects", "--revs", "--thin", "--delta-base-offset", "--stdout", "--quiet"], self.folder,
                  self.env, given=revisions, target=target)

    def text(self, commit: str, path: str) -> str | None:
        """A file of the commit; None where there is none."""
        try:
            return self._git("cat-file", "blob", f"{commit}:{path}")
        except GitFailed:
            return None

    def ask(self, *args: str) -> str:
        """The output of a git command that only reads. Raises GitFailed."""
        return self._git(*args)

    def _fetch(self) -> None:
        self._create()
        self._git("fetch", "--force", "--prune", "--no-tags", "--quiet", "--", self.repo,
                  "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", timeout=git.SLOW)

    def _create(self) -> None:
        if not (self.folder / "HEAD").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, mode=0o700)
            self._git("init", "--bare", "--quiet", "--initial-branch=fabvisor-none")

    def _is_sound(self) -> bool:
        try:
            self._git("fsck", "--connectivity-only", "--no-dangling", "--no-progress", timeout=git.SLOW)
            return True
        except GitFailed:
            return False

    def _newest(self, span: str) -> list[dict[str, str]]:
        lines = self._git("log", f"-{COMMITS_SHOWN}", "--format=%H%x09%an%x09%s", "--end-of-options", span)
        rows = (line.split("\t", 2) for line in lines.splitlines())
        return [dict(zip(("commit", "author", "subject"), row, strict=True)) for row in rows if len(row) == 3]

    def _commit_of(self, name: str) -> str | None:
        return self._maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")

    def _maybe(self, *args: str) -> str | None:
        try:
            return self._git(*args).partition("\n")[0] or None
        except GitFailed:
            return None

    def _git(self, *args: str, given: str = "", timeout: float = git.QUICK) -> str:
        return git.run(args, self.folder, self.env, given=given, timeout=timeout)


def head_of(folder: Path, env: Mapping[str, str]) -> str:
    """The commit of the current folder. Raises NotReady."""
    try:
        return git.run(["rev-parse", "--verify", "--end-of-options", "HEAD^{commit}"], folder, env).strip()
    except GitFailed:
        raise NotReady(f"{folder} is no git clone with a commit", "go to the service's folder, or name a commit"
                       ) from None


def changes_of(folder: Path, env: Mapping[str, str]) -> list[str]:
    """Uncommitted changes of the current folder, as lines of `git status --short`."""
    return git.run(["status", "--porcelain"], folder, env).splitlines()
