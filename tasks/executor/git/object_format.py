"""How a repository names its objects: by SHA-1, or by SHA-256. One takes nothing from the other kind."""

from __future__ import annotations

import re

from .version import Version

SHA256 = 64                         # digits
FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def init_options(commit: str | None) -> list[str]:
    """The options of `git init` for a repository that has this commit; none for SHA-1: git before 2.29 knows no other,
    and no such option."""
    return ["--object-format=sha256"] if len(commit or "") == SHA256 else []


def oldest_git(commit: str, from_stores: bool) -> Version | None:
    """The git that can take a commit with SHA-256; `from_stores`: with submodules that a client sends, which older ones
    do not clone. None: any can take the commit."""
    return ((2, 41) if from_stores else (2, 29)) if len(commit) == SHA256 else None
