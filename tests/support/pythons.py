"""The Pythons of this machine that hosts or clients may have."""

from __future__ import annotations

import os
import re
from pathlib import Path

OLDEST = (3, 8)


def interpreters() -> dict[tuple[int, int], str]:
    """The path of one interpreter for each version, from the oldest on, that is in PATH, in pyenv or in /usr/bin."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(":") if folder]
    folders += [*(Path.home() / ".pyenv/versions").glob("*/bin"), Path("/usr/bin")]
    found: dict[tuple[int, int], str] = {}
    for folder in folders:
        for path in folder.glob("python3.*"):
            match = re.fullmatch(r"python3\.(\d+)", path.name)
            if match and (3, int(match[1])) >= OLDEST and "shims" not in path.parts and os.access(path, os.X_OK):
                found.setdefault((3, int(match[1])), str(path))
    return dict(sorted(found.items()))
