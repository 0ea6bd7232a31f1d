"""The folders of Capistrano, Deployer or ansistrano that a program runs in, as `fab adopt` tells them: only read."""

from __future__ import annotations

import json
import os
import re
from typing import Iterator, Mapping

from ..disk import files
from ..protocol import AdoptedClone
from . import adopted_clone

SHARED = "shared"
DEEPEST = 4                                 # of a shared path below a release
REPOSITORIES = ("repo", ".dep/repo", "current")     # of Capistrano and ansistrano; of Deployer; of a release itself
DEPLOYED = re.compile(r"Branch (\S+) \(at [0-9a-f]+\) deployed as release")     # a line of Capistrano's revisions.log


def find(directory: str, env: Mapping[str, str]) -> AdoptedClone | None:
    """The folder that holds `releases` and `current`, where `directory` is that link or lies below it; else None."""
    top = directory
    while os.path.basename(top) != "current" or not os.path.islink(top):
        if top == os.path.dirname(top):
            return None
        top = os.path.dirname(top)
    folder = os.path.dirname(top)
    release = os.path.realpath(top)
    if os.path.dirname(release) != os.path.realpath(os.path.join(folder, "releases")):
        return None
    shared = os.path.join(folder, SHARED)
    return {"directory": folder, "subdirectory": os.path.relpath(directory, top) if directory != top else "",
            "repo": next(filter(None, (adopted_clone.origin(os.path.join(folder, name), env)
                                       for name in REPOSITORIES)), ""),
            "branch": _branch(folder) or _branch_of_clone(os.path.join(folder, "repo"), env),
            "ci": adopted_clone.pipeline(release),
            "shared_directory": SHARED if os.path.isdir(shared) else "",
            "shared": sorted(_shared(release, os.path.realpath(shared))), "releases": True}


def _shared(release: str, shared: str) -> Iterator[str]:
    """The links of a release that lead to the same path below `shared`; that of a folder with a slash at its end."""
    for folder, folders, names in os.walk(release):
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            below = os.path.relpath(path, release)
            target = os.path.join(shared, below)
            if os.path.islink(path) and os.path.realpath(path) == os.path.realpath(target):
                yield below + ("/" if os.path.isdir(target) else "")
        deep = os.path.relpath(folder, release).count(os.sep) + 2 >= DEEPEST
        folders[:] = [] if deep else [name for name in folders if name != ".git"]


def _branch_of_clone(repository: str, env: Mapping[str, str]) -> str:
    """Of ansistrano's, which checks the branch out there; in a bare one, HEAD is the server's."""
    return adopted_clone.branch(repository, env) if os.path.exists(os.path.join(repository, ".git")) else ""


def _branch(folder: str) -> str:
    """The branch of the last deploy, by the logs of Capistrano and Deployer; else the empty text."""
    text = (files.read_bytes(os.path.join(folder, "revisions.log")) or b"").decode("utf-8", "replace")
    deployed = DEPLOYED.findall(text)
    if deployed:
        return str(deployed[-1])
    lines = (files.read_bytes(os.path.join(folder, ".dep/releases_log")) or b"").decode("utf-8", "replace").splitlines()
    try:
        last = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return ""
    target = last.get("target") if isinstance(last, dict) else None
    return target if isinstance(target, str) and target != "HEAD" else ""
