"""Patterns of host names: ssh_config(5), "PATTERNS"."""

from __future__ import annotations

import re


def glob_matches(pattern: str, name: str) -> bool:
    """Only * and ? are special: the brackets of [host]:port are not, so fnmatch would be wrong."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == name
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), name) is not None
