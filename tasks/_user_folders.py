"""The folders of the user who types: home, the current one, and ours in the cache."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ._errors import Mistake


def home() -> Path:
    """$HOME, as every tool but ssh understands it. Raises Mistake where nobody names one."""
    try:
        return Path(os.environ.get("HOME") or Path.home())
    except RuntimeError:
        raise Mistake(f"HOME is not set, and user {os.getuid()} of this machine has no entry that names a home folder",
                      "export HOME=/tmp, or another folder of your own") from None


def current_folder() -> Path:
    """The one in which the user types. Raises Mistake where it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise Mistake("the current folder was removed", "cd to another one, or there again: cd \"$PWD\"") from None


def cache_folder(environ: Mapping[str, str]) -> Path:
    """$XDG_CACHE_HOME/fabvisor, else ~/.cache/fabvisor: what lies there may be deleted at any time.

    Raises Mistake where the user has no home."""
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home() / ".cache") / "fabvisor"
