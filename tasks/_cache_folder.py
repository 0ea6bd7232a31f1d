"""The folder of Fabvisor in the user's cache: what lies there may be deleted at any time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """$XDG_CACHE_HOME/fabvisor, else ~/.cache/fabvisor. Raises RuntimeError where the user has no home."""
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()) / "fabvisor"
