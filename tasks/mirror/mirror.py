"""A bare copy of one repository in the user's cache: fetched, asked, and packed for hosts."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from .._errors import NotReady
from ..executor.git.object_format import init_options
from . import cache_folder, current_folder, git
from .commits import FULL, Commits, Resolution
from .file_lock import locked
from .git import GitFailed

# Of memory 64 MB for each thread, whatever the repository holds; git would look for minutes for likenesses of files
# that are larger than 4 MB.
PACKING = ("-c", "pack.windowMemory=64m", "-c", "core.bigFileThreshold=4m")
OTHER_FORMAT = re.compile(r"mismatched algorithms: client \w+; server (\w+)")    # such as sha256
# From where on all is packed anew, as git's own maintenance would: packs, and objects in one of 256 folders.
PACKS, LOOSE = 50, 27
LOCAL = "refs/fabvisor/local/"          # commits of a folder on this machine


class Mirror:
    """`repo`: what git fetches from; `env`: the environment that git runs with (see credentials); `fetch_timeout`:
    seconds for a command that asks the git server."""

    def __init__(self, repo: str, cache: Path, env: Mapping[str, str], fetch_timeout: float = git.SLOW) -> None:
        self.repo = repo
        self.env = env
        self._fetch_timeout = fetch_timeout
        name = re.sub(r"[^A-Za-z0-9._-]", "-", repo.rstrip("/").rpartition("/")[2].removesuffix(".git"))[:40]
        self.folder = cache / f"{name}-{hashlib.sha256(repo.encode()).hexdigest()[:12]}.git"
        self.commits = Commits(self.folder, env)

    def exists(self) -> bool:
        return (self.folder / "HEAD").exists()

    def locked(self, wait: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold the lock of this mirror; `wait` is told once where another process holds it."""
        return locked(Path(f"{self.folder}.lock"), f"another fab fetches {self.repo} into {self.folder}", wait)

    def fetch(self) -> None:
        """Fetch all branches and tags, under the lock. A damaged mirror is made anew. Raises TryAgain or NotReady."""
        try:
            self._fetch()
        except GitFailed as failure:
            if not self.folder.exists() or self._is_sound():
                raise git.explain(failure, self.repo, self.env) from None
            cache_folder.make_empty(self.folder)
            try:
                self._fetch()
            except GitFailed as second:
                raise git.explain(second, self.repo, self.env) from None

    def fetch_commit(self, commit: str) -> bool:
        """Fetch a commit by its full name, as can often be done where no branch holds it any more."""
        try:
            self._git("fetch", "--no-tags", "--quiet", "--", self.repo, commit, timeout=self._fetch_timeout)
        except GitFailed:
            return False
        return self.commits.has(commit)

    def take_from(self, source: Path) -> str:
        """Take over the HEAD of a folder on this machine, with all that it needs. Raises NotReady, and TryAgain
        where the clone there lacks something that the git server has."""
        commit = current_folder.head_of(source, self.env)
        self.prepare(*init_options(commit))
        shallow = current_folder.is_shallow(source, self.env)
        if (shallow or current_folder.is_partial(source, self.env)) and not self.commits.is_whole(commit):
            self.fetch()
        try:
            self._git("fetch", "--no-tags", "--quiet", "--force", "--", current_folder.top_of(source, self.env),
                      f"HEAD:{LOCAL}{commit}", timeout=git.SLOW)
        except GitFailed as failure:
            if not shallow and not self.commits.has(commit):
                raise current_folder.unreadable(source, failure) from None
        if shallow and not self.commits.is_whole(commit):
            raise NotReady(f"{source} is a shallow clone: it lacks older commits", "git fetch --unshallow")
        return commit

    def drop(self, commit: str) -> None:
        """Forget what take_from() took over."""
        self._git("update-ref", "-d", f"{LOCAL}{commit}")

    def resolve(self, revision: str) -> Resolution | None:
        """What a revision names: a full commit, then a branch, a tag, an abbreviated commit, as hosts do."""
        if FULL.fullmatch(revision) and not self.commits.has(revision) and not self.fetch_commit(revision):
            return None
        return self.commits.find(revision)

    def resolve_here(self, revision: str) -> Resolution | None:
        """As resolve(), without a git server."""
        if not self.exists() or (FULL.fullmatch(revision) and not self.commits.has(revision)):
            return None
        return self.commits.find(revision)

    def write_pack(self, commit: str, known: Collection[str], target: BinaryIO) -> None:
        """Write a thin pack of what the commit needs beyond the commits that a host knows. Raises GitFailed."""
        revisions = "\n".join([commit, *(f"^{each}" for each in self.commits.known(known))]) + "\n"
        git.write([*PACKING, "pack-objects", "--revs", "--thin", "--delta-base-offset", "--stdout", "--quiet"],
                  self.folder, self.env, given=revisions, target=target)

    def _fetch(self) -> None:
        # The pack of a whole repository stays one: its parts are copied then, and not compressed again.
        whole = [] if self.exists() else ["-c", "fetch.unpackLimit=1"]
        command = [*whole, "fetch", "--force", "--prune", "--no-tags", "--quiet", "--", self.repo,
                   "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        self.prepare()
        try:
            self._git(*command, timeout=self._fetch_timeout)
        except GitFailed as failure:
            other = OTHER_FORMAT.search(failure.output)
            if not other:
                raise
            cache_folder.make_empty(self.folder)
            self.prepare(f"--object-format={other[1]}")
            self._git(*command, timeout=self._fetch_timeout)

    def prepare(self, *options: str) -> None:
        """Make it, empty, where there is none; where many fetches have left many packs, put them together. Under the
        lock. `options`: of `git init`."""
        if self.exists():
            self._put_together()
        else:
            cache_folder.make_empty(self.folder)
            self._git("-c", "init.defaultBranch=fabvisor-none", "init", "--bare", "--quiet", *options)

    def _put_together(self) -> None:
        """Make one pack of many. It keeps what no branch holds any more: commits of folders, and what hosts have."""
        objects = self.folder / "objects"
        if len([*objects.glob("pack/*.pack")]) > PACKS or len([*objects.glob("17/*")]) > LOOSE:
            with contextlib.suppress(GitFailed):        # it is not needed for anything
                self._git(*PACKING, "repack", "-a", "-d", "--keep-unreachable", "--quiet", timeout=git.SLOW)

    def _is_sound(self) -> bool:
        try:
            self._git("fsck", "--connectivity-only", "--no-dangling", "--no-progress", timeout=git.SLOW)
            return True
        except GitFailed:
            return False

    def _git(self, *args: str, given: str = "", timeout: float = git.QUICK) -> str:
        return git.run(args, self.folder, self.env, given=given, timeout=timeout)
