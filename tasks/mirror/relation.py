"""Whether a folder on this machine is a clone of a service's repository: it has that remote, or a commit in common."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

from .._errors import NotReady, TryAgain
from . import git
from .git import GitFailed
from .mirror import Mirror

# https://ann@git.example.com:443/micro/api.git, git@git.example.com:micro/api
ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^@/]*@)?([^/:]+)(?::\d+/|[:/])/*(.+)", re.IGNORECASE)


def take_related(mirror: Mirror, folder: Path) -> str:
    """Take over the HEAD of the folder, under the mirror's lock. Raises NotReady where it is of another repository.

    A fork or a mirror has commits in common with the repository, which is fetched to know that; where the git server
    does not answer, nobody can tell, and the commit is taken."""
    commit = mirror.take_from(folder)
    remotes = remotes_of(folder, mirror.env)
    if any(place(remote) == place(mirror.repo) for remote in remotes) or mirror.commits.is_related(commit):
        return commit
    with contextlib.suppress(NotReady, TryAgain):
        mirror.fetch()
    if mirror.commits.is_related(mirror.take_from(folder)) is False:
        mirror.drop(commit)
        its = f" is a clone of {remotes[0]}, and" if remotes else ""
        raise NotReady(f"{folder}{its} has no commit in common with {mirror.repo}",
                       f"go to a clone of {mirror.repo}, or name a commit in place of `.`; or correct `repo` in"
                       " hosts.yaml")
    return commit


def remotes_of(folder: Path, env: Mapping[str, str]) -> list[str]:
    """The addresses of its remotes, as they were written."""
    try:
        lines = git.run(["config", "--get-regexp", r"^remote\..*\.url$"], folder, env).splitlines()
    except GitFailed:                       # it has none
        return []
    return [line.partition(" ")[2] for line in lines]


def place(repo: str) -> str:
    """The host and the path, which are the same in an address for ssh and in one for https; a path on this machine as
    it is."""
    bare = repo.removeprefix("file://").rstrip("/").removesuffix(".git")
    match = None if bare.startswith(("/", ".", "~")) else ADDRESS.fullmatch(bare)
    return f"{match[1].lower()}/{match[2]}" if match else bare
