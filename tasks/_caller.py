"""Names who types the command, and where: for locks, histories and notifications."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping


def caller(environ: Mapping[str, str]) -> str:
    """USER@HOST; in a job of GitLab, GitHub, Gitea or Forgejo who started it, and the URL of its log."""
    user, url = _in_gitlab(environ) or _in_actions(environ) or ("", "")
    return f"{user} {url}" if user and url else f"{_user()}@{socket.gethostname()}"


def _in_gitlab(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """https://docs.gitlab.com/ci/variables/predefined_variables/"""
    return (environ.get("GITLAB_USER_LOGIN", ""), environ["CI_JOB_URL"]) if environ.get("CI_JOB_URL") else None


def _in_actions(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/variables

    GitHub's URL of a run has its id. That of Forgejo, and of Gitea before 1.26, has its number in the repository.
    """
    server = environ.get("GITHUB_SERVER_URL")
    repository = environ.get("GITHUB_REPOSITORY")
    counts = "GITEA_ACTIONS" in environ or "FORGEJO_ACTIONS" in environ
    run = environ.get("GITHUB_RUN_NUMBER" if counts else "GITHUB_RUN_ID")
    if not (server and repository and run):
        return None
    user = environ.get("GITHUB_TRIGGERING_ACTOR") or environ.get("GITHUB_ACTOR", "")       # who ran it again
    return user, f"{server}/{repository}/actions/runs/{run}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
