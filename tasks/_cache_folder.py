"""The folder of Fabvisor in the user's cache: what lies there may be deleted at any time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ._errors import Mistake


def cache_folder(environ: Mapping[str, str]) -> Path:
    """$XDG_CACHE_HOME/fabvisor, else ~/.cache/fabvisor. Raises Mistake where the user has no home."""
    base = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    if not os.path.isabs(base):
        raise Mistake("there is no place for a cache: HOME is not set, and the user has no home folder",
                      "export XDG_CACHE_HOME=/tmp/cache, or another folder of your own")
    return Path(base) / "fabvisor"
