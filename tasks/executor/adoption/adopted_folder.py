"""The folder that a program runs in, and the clone that it is of, as `fab adopt` tells them: only read."""

from __future__ import annotations

import os
from typing import Mapping

from ..protocol import AdoptedClone
from ..supervisor.supervisord_conf import ABSOLUTE
from . import adopted_clone, adopted_releases

# Git clones that programs start from, and that hold none: of all users, or hidden in a home.
VERSION_MANAGERS = {"asdf", "goenv", "jenv", "nodenv", "nvm", "phpenv", "pyenv", "rbenv", "rvm"}


def find(options: Mapping[str, str], supervisord: str, env: Mapping[str, str]) -> tuple[str, AdoptedClone | None]:
    """The folder is empty where nothing names it. A program without `directory` runs where supervisord stands: in the
    folder `supervisord`, empty if nobody can tell. If that is in no clone, the program is of the one that its command
    names: Laravel's well-known file has only `command=php /srv/shop/artisan queue:work`.
    """
    written = os.path.expanduser(options.get("directory", ""))
    folder = os.path.normpath(os.path.join(supervisord, written)) if written or supervisord else ""
    clone = _clone(folder, env) if os.path.isabs(folder) else None
    if clone is not None:
        return folder, clone
    clone = _named(options.get("command", ""), env)
    if written:
        return folder, clone
    return top(clone) if clone else "", clone


def top(clone: AdoptedClone) -> str:
    """Where the files of its commit lie."""
    return os.path.join(clone["directory"], "current") if clone["releases"] else clone["directory"]


def _clone(folder: str, env: Mapping[str, str]) -> AdoptedClone | None:
    """A release may be a clone, too: the folder that holds it is looked for first."""
    return adopted_releases.find(folder, env) or adopted_clone.find(folder, env)


def _named(command: str, env: Mapping[str, str]) -> AdoptedClone | None:
    """The first clone of some server in which a path of the command lies; as a service that runs at its top."""
    for path in ABSOLUTE.findall(command):
        clone = _clone(os.path.normpath(path if os.path.isdir(path) else os.path.dirname(path)), env)
        if clone and clone["repo"] and os.path.basename(clone["directory"]).lstrip(".") not in VERSION_MANAGERS:
            return {**clone, "subdirectory": ""}
    return None
