"""The rows that a table keeps in the usual run."""

from __future__ import annotations

import pytest

from tests.plugins.rows import spread


@pytest.mark.parametrize(("total", "kept", "indices"), [
    (8, 3, {0, 3, 7}), (10, 4, {0, 3, 6, 9}), (4, 2, {0, 3}), (3, 1, {0}), (2, 5, {0, 1}), (3, 3, {0, 1, 2})])
def test_spread_keeps_rows_from_all_of_the_table(total: int, kept: int, indices: set[int]) -> None:
    assert spread(total, kept) == indices
