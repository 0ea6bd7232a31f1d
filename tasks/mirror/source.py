"""The source of one service with `fetch: client`: its mirror, and those of its submodules."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .._errors import NotReady
from .._temporary_folder import temporary_folder
from ..inventory.rules.paths import parents
from .commits import Distance, Resolution
from .git import SLOW, GitFailed
from .mirror import Mirror
from .relation import take_related
from .submodules import submodules_of

HERE = "."                              # as a revision: the HEAD of the current folder
LFS = "filter=lfs"
DEPTH = 20                              # submodules within submodules


class Part(NamedTuple):
    """One repository that a commit needs: its own, and one for each submodule."""

    repo: str
    commit: str


class Source:
    """`repo`: of the service; `notice` tells a person what takes time; `fetch_timeout`: seconds, as of a mirror."""

    def __init__(self, repo: str, cache: Path, env: Mapping[str, str], notice: Callable[[str], None],
                 fetch_timeout: float = SLOW) -> None:
        self.repo = repo
        self._fetch_timeout = fetch_timeout
        self._cache = cache
        self._env = env
        self._notice = notice
        self._mirrors: dict[str, Mirror] = {}
        self._packs: dict[tuple[Part, tuple[str, ...]], BinaryIO] = {}

    @property
    def mirror(self) -> Mirror:
        """The mirror of the service's own repository."""
        return self._mirror(self.repo)

    def resolve(self, revision: str, here: Path) -> Resolution:
        """Fetch, and turn a revision into a commit; `here` is the current folder. Raises NotReady or TryAgain."""
        mirror = self.mirror
        with mirror.locked(self._notice):
            if revision == HERE:
                return Resolution(take_related(mirror, here), None)
            mirror.fetch()
            resolution = mirror.resolve(revision)
        if resolution is None:
            raise NotReady(f"no commit, branch or tag {revision!r} in {self.repo}", "push it, or choose another")
        return resolution

    def parts(self, commit: str) -> list[Part]:
        """All repositories that the commit needs, each with its commit; fetches the submodules. Raises NotReady."""
        self._refuse_lfs(self.mirror, commit)
        return [Part(self.repo, commit), *self._submodules(self.mirror, commit, DEPTH)]

    def has(self, commit: str) -> bool:
        """Whether the mirror has this commit of the service, without a fetch."""
        mirror = self.mirror
        return mirror.exists() and mirror.commits.has(commit)

    def distance(self, was: str | None, commit: str) -> Distance:
        """How far it is from what a host has to the commit."""
        return self.mirror.commits.distance(was, commit)

    def subject(self, commit: str) -> str:
        return self.mirror.commits.subject(commit)

    def lacks(self, commit: str, paths: Iterable[str]) -> list[str]:
        """Those of the paths that the commit does not have."""
        return [path for path in paths if not self.mirror.commits.holds(commit, path)]

    def in_the_way(self, commit: str, paths: Iterable[str]) -> list[str]:
        """Those of the paths at which no file can be put beside the commit: it has something there, or on the way."""
        commits = self.mirror.commits
        return [path for path in paths if commits.holds(commit, path) or any(
            commits.holds(commit, folder) and not commits.subtree(commit, folder) for folder in parents(path))]

    def subtree(self, commit: str, folder: str) -> str | None:
        """git's hash of a folder of the commit; None where it has no such folder."""
        return self.mirror.commits.subtree(commit, folder)

    def mirror_folder(self, repo: str) -> Path:
        return self._mirror(repo).folder

    def pack(self, part: Part, known: Iterable[str]) -> BinaryIO:
        """A file with what a host lacks of a part; hosts that know the same share one. Raises NotReady.

        It has no name: also a client that is killed leaves nothing on the disk.
        """
        mirror = self._mirror(part.repo)
        if not (mirror.exists() and mirror.commits.has(part.commit)):
            raise NotReady(f"{part.commit} is not on this machine, and not on every host",
                           "deploy it anew; or leave out the hosts that lack it: --host")
        key = part, tuple(sorted(mirror.commits.known(known)))
        if key not in self._packs:
            pack: BinaryIO = tempfile.TemporaryFile(dir=temporary_folder())     # noqa: SIM115 (open while it is sent)
            try:
                mirror.write_pack(part.commit, key[1], pack)
            except GitFailed as failure:
                raise NotReady(f"{part.repo}: {failure}", f"remove the damaged mirror: {mirror.folder}") from None
            self._packs[key] = pack
        return self._packs[key]

    def _submodules(self, mirror: Mirror, commit: str, depth: int) -> list[Part]:
        if not depth:
            raise NotReady(f"{mirror.repo}: submodules more than {DEPTH} deep", "see its .gitmodules")
        parts: list[Part] = []
        for submodule in submodules_of(mirror, commit):
            inner = self._mirror(submodule.url)
            with inner.locked(self._notice):
                if not (inner.exists() and inner.commits.has(submodule.commit)):
                    inner.fetch()
                if not inner.commits.has(submodule.commit) and not inner.fetch_commit(submodule.commit):
                    raise NotReady(f"the submodule {submodule.path} of {mirror.repo} lacks its commit"
                                   f" {submodule.commit}", f"push it to {submodule.url}")
            self._refuse_lfs(inner, submodule.commit)
            parts += [Part(submodule.url, submodule.commit), *self._submodules(inner, submodule.commit, depth - 1)]
        return list(dict.fromkeys(parts))

    def _refuse_lfs(self, mirror: Mirror, commit: str) -> None:
        try:
            mirror.commits.ask("grep", "--quiet", "--fixed-strings", "-e", LFS, commit, "--",
                       ":(glob)**/.gitattributes")
        except GitFailed:
            return
        raise NotReady(f"{mirror.repo} uses git-lfs, whose files do not travel with a commit", "set `fetch: host`")

    def _mirror(self, repo: str) -> Mirror:
        return self._mirrors.setdefault(repo, Mirror(repo, self._cache, self._env, self._fetch_timeout))
