"""Suggests the name that a mistyped word probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

# difflib takes 30 µs for a name.
MOST_NAMES = 300
LONGEST_WORD = 100


def nearest(word: str, names: Iterable[str]) -> str:
    """The name most like `word`, or the empty text."""
    if len(word) > LONGEST_WORD:
        return ""
    from difflib import get_close_matches  # only where a word is wrong

    by_lower = {name.lower(): name for name in islice(names, MOST_NAMES) if name != word}
    matches = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if not matches and len(word) >= 3:      # `prod` for `production`
        matches = sorted(name for name in by_lower if name.startswith(word.lower()))
    return by_lower[matches[0]] if matches else ""


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """`; did you mean 'build'?`, the end of a sentence about a wrong word; or the empty text."""
    name = nearest(word, names)
    return f"; did you mean {name!r}?" if name else ""


def listed(names: Iterable[str], most: int = 10) -> str:
    """The names with commas between them, at most so many: `a, b and 3 more`."""
    names = list(names)
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def first_of(lines: Iterable[str], most: int = 20) -> list[str]:
    """At most so many of the lines, and how many more there are."""
    lines = list(lines)
    return [*lines[:most], *([f"and {len(lines) - most} more"] if len(lines) > most else [])]
