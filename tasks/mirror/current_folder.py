"""The current folder of the user, as a git clone: its commit, and what is not committed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .._errors import NotReady
from . import git
from .git import GitFailed


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
