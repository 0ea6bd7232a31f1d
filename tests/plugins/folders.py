"""The folder of a test, `tmp_path`. pytest's own fixture reads the names of all the earlier ones before it makes one:
after a thousand tests that takes 2 ms, as much as all else that it does for a test.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

LONGEST = 26                    # characters of a test's name: the path of a socket in the folder has 107
_numbers = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder, closed to other users; pytest removes it as its own."""
    name = re.sub(r"\W", "_", request.node.name)[:LONGEST]
    folder = tmp_path_factory.getbasetemp() / f"{name}-{next(_numbers)}"
    folder.mkdir(0o700)
    return folder
