"""A process that starts: when it is looked at again, and what is said of one that did not come up."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tasks.executor.program.process import describe_state, left_running
from tasks.executor.program.startup import Startup
from tasks.executor.system import leftovers

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


def test_process_that_is_not_up_yet_is_not_looked_at_without_a_pause() -> None:
    """Nobody knows how long supervisord takes to start it. From then on it is known when it has stayed up."""
    process: Any = Process()
    startup = Startup(process, 100.0, None, None)
    assert startup.look(process.info()) is None and startup.seconds_left() == math.inf
    process.state = "RUNNING"
    assert startup.look(process.info()) is None
    assert 40 < startup.seconds_left() <= 100


@pytest.mark.promise(8)
@pytest.mark.parametrize(("known", "left"), [((), [7]), ((7,), [])])
def test_process_that_supervisord_starts_meanwhile_was_not_left_running(monkeypatch: pytest.MonkeyPatch,
                                                                       known: tuple[int, ...], left: list[int]) -> None:
    """`known`: to supervisord, when it is asked for the second time."""
    answers = iter([(), known])
    supervisord: Any = SimpleNamespace(processes=lambda group: [{"pid": pid} for pid in next(answers)])
    monkeypatch.setattr(leftovers, "leftovers", lambda socket, pids: [
        leftovers.Leftover(pid, "shop-web", 0.0) for pid in (7,) if pid not in pids])
    ctx = cast(Any, SimpleNamespace(layout=SimpleNamespace(access=SimpleNamespace(socket=""))))
    assert [process.pid for process in left_running(ctx, supervisord, "shop-web")] == left
