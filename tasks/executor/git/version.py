"""Which git it is, by what `git --version` says."""

from __future__ import annotations

import re
from typing import Tuple

Version = Tuple[int, int]


def is_older(said: str, than: Version) -> bool:
    """False also where the words have no version in them."""
    numbers = re.match(r"(?:git version )?(\d+)\.(\d+)", said)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < than
