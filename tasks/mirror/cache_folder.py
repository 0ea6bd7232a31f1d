"""The folders that this machine keeps in its cache: whatever is in their place can be taken away."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from .._errors import NotReady
from ..program.quoting import for_sh


def make_empty(place: Path) -> None:
    """Make a folder in the place of whatever is there. Raises NotReady."""
    try:
        remove(place)
    except OSError as error:
        raise NotReady(f"cannot remove {error.filename} from the cache: {error.strerror}",
                       f"sudo rm -r {for_sh(str(place))}; a build leaves files of root where it runs in a container:"
                       " docker run --user") from None
    try:
        place.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise not_written(place.parent, error) from None


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
