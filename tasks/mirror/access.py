"""Whether this machine may read a repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .._errors import FabvisorError
from . import credentials, git

if TYPE_CHECKING:
    from ..inventory.urls import Login

WITHIN = 30.0                           # seconds


def problem(repo: str, login: Login | None, environ: Mapping[str, str]) -> FabvisorError | None:
    """The error that keeps git on this machine from reading the repository; None where it can be read."""
    try:
        git.run(["ls-remote", "--", repo, "HEAD"], Path.cwd(), credentials.environment(environ, repo, login),
                timeout=WITHIN)
    except git.GitFailed as failure:
        return git.explain(failure, repo)
    except FabvisorError as error:
        return error
    return None
