"""Which git it is, by the words of `git --version`."""

from __future__ import annotations

import re
from typing import Tuple

Version = Tuple[int, int]


def is_older(text: str, than: Version) -> bool:
    """False also where the words have no version in them."""
    numbers = re.match(r"(?:git version )?(\d+)\.(\d+)", text)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < than
