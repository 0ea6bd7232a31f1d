"""What is said of a process that did not come up."""

from __future__ import annotations

import pytest

from tasks.executor.program.startup import describe_state

QUICK = "Exited too quickly (process log may have details)"


@pytest.mark.promise(8)
@pytest.mark.parametrize(("state", "words"), [
    ("FATAL", "FATAL (Exited too quickly), after as many starts as its `startretries` allows"),
    ("BACKOFF", "BACKOFF (Exited too quickly)"),
])
def test_state_of_a_process_names_startretries_where_supervisord_has_given_up(state: str, words: str) -> None:
    assert describe_state({"statename": state, "spawnerr": QUICK}) == words
