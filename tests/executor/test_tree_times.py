"""Whose a change in a service's tree is, by the moments of a deploy."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

import pytest

from tasks.executor.transaction.tree_times import TreeTimes


@pytest.mark.promise(11)
def test_change_between_two_steps_of_a_start_is_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(1.0)
    monkeypatch.setattr(TreeTimes, "_now", lambda times: next(ticks))
    times = TreeTimes(cast(Any, None))
    for action in ("checkout", "build", "restart", "verify", "health", "restart", "health"):
        with times.noted(action):
            pass
    # It is 1 after the checkout; the starts take from 4 to 9, and from 10 to 13.
    moments = [2.5, 3.5, 4.0, 5.5, 7.5, 8.5, 9.5, 11.5, 13.0]
    assert [moment for moment in moments if times.is_of_person(moment)] == [3.5, 9.5, 13.0]
