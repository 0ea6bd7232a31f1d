"""How a repository names its objects: by SHA-1, or by SHA-256. One takes nothing from the other kind."""

from __future__ import annotations

SHA256 = 64                         # digits


def init_options(commit: str | None) -> list[str]:
    """The options of `git init` for a repository that has this commit; none for SHA-1: git before 2.29 knows no other,
    and no such option."""
    return ["--object-format=sha256"] if len(commit or "") == SHA256 else []
