"""Quotes words of the commands that a person is told to type on the host."""

from __future__ import annotations


def for_sh(text: str) -> str:
    """Quote a text without NUL as one word of sh."""
    import shlex  # seldom needed, and it takes time of a start

    return shlex.quote(text)
