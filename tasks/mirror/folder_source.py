"""The source of a service whose `repo` is a folder of this machine: what stands there becomes a commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .._errors import NotReady
from . import file_tree, made_commit
from .commits import Distance, Resolution
from .file_tree import Entry, Unfit
from .git import GitFailed
from .mirror import Mirror
from .source import Part, Source

NAME = "folder"                         # of the newest commit, in the mirror
OF_A_JOB = "a job of GitLab gets that of an earlier job by the input artifacts_of"
UNITS = ("bytes", "kB", "MB", "GB")


class FolderSource(Source):
    """As Source, without a git server. `repo`: as hosts.yaml has it; `place`: the folder."""

    def __init__(self, repo: str, place: Path, cache: Path, env: Mapping[str, str],
                 notice: Callable[[str], None]) -> None:
        super().__init__(repo, cache, env, notice)
        self._place = place
        self._mirrors[repo] = Mirror(str(place), cache, env)

    def resolve(self, revision: str, here: Path) -> Resolution:
        """The commit of what stands in the folder now; of another revision the commit that was made of it before.

        Raises NotReady; Failed where the disk of this machine is full.
        """
        mirror = self.mirror
        with mirror.locked(self._notice):
            if revision == self.repo:
                return Resolution(self._commit(mirror), None)
            resolution = mirror.resolve_here(revision)
        if resolution is None:
            raise NotReady(f"no commit {revision!r} was made of {self.repo} here",
                           "choose a full commit of: fab history")
        return resolution

    def parts(self, commit: str) -> list[Part]:
        return [Part(self.repo, commit)]

    def distance(self, was: str | None, commit: str) -> Distance:
        """Commits of a folder have no order."""
        return Distance(None, None, [], [])

    def _commit(self, mirror: Mirror) -> str:
        if not self._place.is_dir():
            raise NotReady(f"{self.repo} is no folder: {self._place}",
                           f"make it, or correct `repo` in hosts.yaml; {OF_A_JOB}")
        try:
            entries = file_tree.entries(self._place)
            attributes = file_tree.attributes(self._place)
            if attributes:
                self._notice(f"{self.repo}: not sent, because git on the hosts would write other files by it:"
                             f" {', '.join(attributes)}")
            if not entries:
                raise NotReady(f"{self.repo} is empty: {self._place}",
                               f"build what belongs there, then deploy; {OF_A_JOB}")
            return made_commit.make(mirror, NAME, self._place, entries, summary(entries))
        except Unfit as error:
            raise NotReady(f"{self.repo}: {error}", f"take it out of {self._place}") from None
        except (GitFailed, OSError) as error:
            raise made_commit.not_made(self.repo, error) from None


def summary(entries: Sequence[Entry]) -> str:
    """Such as `412 files, 3.1 MB`."""
    size, unit = float(sum(entry.size for entry in entries)), 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    files = "1 file" if len(entries) == 1 else f"{len(entries)} files"
    return f"{files}, {size:.1f} {UNITS[unit]}" if unit else f"{files}, {size:.0f} bytes"

