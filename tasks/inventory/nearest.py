"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, names: Iterable[str]) -> str:
    """The name most like `word`; empty where none is near."""
    by_lower = {name.lower(): name for name in names if name != word}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if not found and len(word) >= 3:        # `prod` for `production`
        found = sorted(name for name in by_lower if name.startswith(word.lower()))
    return by_lower[found[0]] if found else ""


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The end of a sentence that names a wrong word: `; did you mean 'build'?`, or nothing."""
    name = nearest(word, names)
    return f"; did you mean {name!r}?" if name else ""


def listed(names: Iterable[str], most: int = 10) -> str:
    """`a, b and 3 more`"""
    names = list(names)
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
