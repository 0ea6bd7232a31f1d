"""The git clone that a program runs in, as `fab adopt` tells it: read, never changed."""

from __future__ import annotations

import os
from typing import Mapping

from ..disk import files
from ..protocol import AdoptedClone
from ..system import shell

CI_FILE, MOST_CI = ".gitlab-ci.yml", 2**17       # bytes


def find(directory: str, env: Mapping[str, str]) -> AdoptedClone | None:
    """The clone that a directory is, or is a folder of; None where it is in none."""
    top = directory
    while not os.path.exists(os.path.join(top, ".git")):
        if top == os.path.dirname(top):
            return None
        top = os.path.dirname(top)
    return {"directory": top, "subdirectory": os.path.relpath(directory, top) if directory != top else "",
            "repo": origin(top, env), "branch": branch(top, env), "ci": pipeline(top),
            "shared_directory": "", "shared": [], "releases": False}


def problem(directory: str, env: Mapping[str, str]) -> str:
    """Why nothing that runs in the directory can be a service; empty where it can."""
    whole = _git(directory, env, "rev-parse", "--show-superproject-working-tree") if os.path.isdir(directory) else ""
    return f"{directory} is in a submodule of {whole}, which brings its commit" if whole else ""


def origin(top: str, env: Mapping[str, str]) -> str:
    """The URL of `origin`; empty where there is none. A path becomes absolute: in hosts.yaml it would begin there."""
    url = _git(top, env, "config", "remote.origin.url") if os.path.isdir(top) else ""
    is_relative = url and not url.startswith(("/", "~")) and ":" not in url.partition("/")[0]
    return os.path.normpath(os.path.join(top, url)) if is_relative else url


def branch(top: str, env: Mapping[str, str]) -> str:
    """What HEAD is attached to; else a branch of the server that is at the same commit; else the empty text."""
    attached = _git(top, env, "symbolic-ref", "--quiet", "--short", "HEAD")
    return attached or _git(top, env, "for-each-ref", "--points-at", "HEAD", "--format=%(refname:lstrip=3)",
                            "refs/remotes/origin").replace("HEAD\n", "")


def _git(top: str, env: Mapping[str, str], *args: str) -> str:
    """The first line. A clone of another user is read, too: nothing of it is run."""
    command = ["git", "-c", f"safe.directory={top}", "-c", "core.fsmonitor=", "-C", top, *args]
    try:
        lines = shell.run(command, cwd=top, env=env, timeout=30)
    except (shell.CommandFailed, OSError):
        return ""
    return next((line.strip() for line in lines if line.strip() and line.strip() != "HEAD"), "")


def pipeline(top: str) -> str:
    """The text of its .gitlab-ci.yml; empty where there is none."""
    data = files.read_bytes(os.path.join(top, CI_FILE)) or b""
    return data.decode("utf-8", "replace") if len(data) <= MOST_CI else ""
