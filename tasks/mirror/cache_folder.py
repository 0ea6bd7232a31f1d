"""The folders that this machine keeps in its cache: whatever is in their place can be taken away."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from .._errors import NotReady


def remove(place: Path) -> None:
    """Remove a folder, also where a build closed parts of it, as Go's module cache is; or what is there in its place.

    Raises OSError.
    """
    def reopen(function: Callable[[str], object], path: str, error: object) -> None:
        for each in (os.path.dirname(path), path):
            if not os.path.islink(each):
                os.chmod(each, stat.S_IRWXU)
        function(path)

    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, onerror=reopen)
    else:
        place.unlink(missing_ok=True)


def not_written(cache: Path, error: OSError) -> NotReady:
    return NotReady(f"cannot write in the cache, {cache}: {error.strerror}",
                    "export XDG_CACHE_HOME=/var/tmp, or another folder of your own with room")
