"""Some rows of a table now, all of them in the long lane: `@pytest.mark.rows(3)` above a test with many alike.

The rows are spread over the table, and they are always the same ones.
"""

from __future__ import annotations

from collections import defaultdict

import pytest


def spread(total: int, kept: int) -> set[int]:
    """Indices of `kept` of `total` rows, the first and the last one among them: two of a table of two by two differ in
    both of its parameters."""
    return {number * (total - 1) // max(kept - 1, 1) for number in range(kept)} if kept < total else set(range(total))


@pytest.hookimpl(tryfirst=True)         # before pytest looks at `-m`
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tables: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("rows") and not item.get_closest_marker("long"):
            tables[item.nodeid.partition("[")[0]].append(item)
    for rows in tables.values():
        marker = rows[0].get_closest_marker("rows")
        assert marker is not None
        kept = spread(len(rows), marker.args[0])
        for number, item in enumerate(rows):
            if number not in kept:
                item.add_marker(pytest.mark.long)
