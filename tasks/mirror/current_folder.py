"""The current folder of the user, as a git clone: its commit, and what is not committed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .._errors import NotReady
from ..executor.git import server_errors
from ..program.quoting import for_sh
from . import git
from .git import GitFailed


def head_of(folder: Path, env: Mapping[str, str]) -> str:
    """The commit of the current folder. Raises NotReady."""
    try:
        return git.run(["rev-parse", "--verify", "--end-of-options", "HEAD^{commit}"], folder, env).strip()
    except GitFailed as failure:
        raise git.foreign(failure) or NotReady(
            f"{folder} is no git clone with a commit", "go to the service's folder, or name a commit") from None


def top_of(folder: Path, env: Mapping[str, str]) -> str:
    """The top folder of the clone that the current folder is in."""
    return git.run(["rev-parse", "--show-toplevel"], folder, env).removesuffix("\n")


def is_shallow(folder: Path, env: Mapping[str, str]) -> bool:
    """Whether the clone lacks commits, as those of GitLab's jobs do."""
    return git.run(["rev-parse", "--is-shallow-repository"], folder, env).strip() == "true"


def is_partial(folder: Path, env: Mapping[str, str]) -> bool:
    """Whether the clone lacks files, which git fetches when it needs them (git clone --filter)."""
    try:
        return bool(git.run(["config", "--get-regexp", r"^remote\..*\.promisor$"], folder, env))
    except GitFailed:                       # no remote is one
        return False


def changes_of(folder: Path, env: Mapping[str, str]) -> list[str]:
    """Uncommitted changes of the current folder, as lines of `git status --short`. Raises NotReady."""
    try:
        return git.run(["status", "--porcelain"], folder, env).splitlines()
    except GitFailed as failure:
        raise unreadable(folder, failure) from None


def unreadable(folder: Path, failure: GitFailed) -> NotReady:
    return NotReady(f"git cannot read the clone {folder}: {server_errors.reason(failure.output.splitlines())}",
                    f"mend it, or clone it anew; see: git -C {for_sh(str(folder))} fsck")
