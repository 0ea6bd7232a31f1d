"""Whether this machine may read a repository, and finds a branch there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .._errors import FabvisorError, NotReady
from . import credentials, git
from .commits import ABBREVIATED

if TYPE_CHECKING:
    from ..inventory.urls import Login

WITHIN = 30.0                           # seconds


def problem(repo: str, revision: str, login: Login | None, environ: Mapping[str, str]) -> FabvisorError | None:
    """The error that keeps git on this machine from reading the branch or tag; None where it can be read. Of a commit
    a server does not say whether it has it."""
    try:
        git.require(environ)
        found = git.run(["ls-remote", "--", repo, f"refs/heads/{revision}", f"refs/tags/{revision}"], Path.cwd(),
                        credentials.environment(environ, repo, login), timeout=WITHIN)
        if not found and not ABBREVIATED.fullmatch(revision):
            return NotReady(f"no branch or tag {revision!r} in {repo}", "push it, or correct `branch` in hosts.yaml")
    except git.GitFailed as failure:
        return git.explain(failure, repo, environ)
    except FabvisorError as error:
        return error
    return None
