"""A process that starts: when it is looked at again, and what is said of one that did not come up."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tasks.executor.program.startup import describe_state
from tasks.executor.program.startup_watch import Startup

QUICK = "Exited too quickly (process log may have details)"


@pytest.mark.promise(8)
@pytest.mark.parametrize(("state", "words"), [
    ("FATAL", "FATAL (Exited too quickly), after as many starts as its `startretries` allows"),
    ("BACKOFF", "BACKOFF (Exited too quickly)"),
])
def test_state_of_a_process_names_startretries_where_supervisord_has_given_up(state: str, words: str) -> None:
    assert describe_state({"statename": state, "spawnerr": QUICK}) == words


class Process:
    """As supervisord tells of one, whose state a test sets."""

    supervisorctl = "supervisorctl"
    name = "a:a"
    state = "STARTING"

    def info(self) -> dict[str, Any]:
        return {"statename": self.state, "pid": 7, "start": 1}


@pytest.mark.parametrize("startsecs", [0.0, 100.0])
def test_process_that_is_not_up_yet_is_not_looked_at_without_a_pause(startsecs: float) -> None:
    """Nobody knows how long supervisord takes to start it. From then on it is known when it has stayed up."""
    process: Any = Process()
    startup = Startup(process, startsecs, None, None, settles=False)
    assert startup.look() is None and startup.seconds_left() == math.inf
    process.state = "RUNNING"
    assert (startup.look() is None) is (startsecs > 0)
    assert startsecs - 60 < startup.seconds_left() <= startsecs
