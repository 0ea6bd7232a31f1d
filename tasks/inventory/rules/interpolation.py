"""Replaces `${NAME}` in values of hosts.yaml by a variable, or RUN_MODE."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fill(text: str, variables: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: variables[match[1]], text)


def unknown(text: str, variables: Mapping[str, str]) -> list[str]:
    """The names in `text` that no variable has."""
    return [name for name in dict.fromkeys(PLACEHOLDER.findall(text)) if name not in variables]
