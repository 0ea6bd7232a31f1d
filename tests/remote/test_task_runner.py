"""How a command of a team's own task ends."""

from __future__ import annotations

import threading

import pytest
from invoke.context import Context
from invoke.exceptions import CommandTimedOut

from tasks.remote.task_runner import ERR, OUT, ClientRunner, LineStream


class SlowTimer(ClientRunner):
    """Its command has ended long before the timer's thread has."""

    over = threading.Event()

    def kill(self) -> None:
        super().kill()
        self.over.wait(30)


def test_command_that_is_late_says_so_while_its_timer_still_ends() -> None:
    lock = threading.Lock()
    runner = SlowTimer(Context(), {name: LineStream(lambda line: None, lock) for name in (OUT, ERR)})
    try:
        with pytest.raises(CommandTimedOut):
            runner.run("exec sleep 50", timeout=0.1)
    finally:
        SlowTimer.over.set()
