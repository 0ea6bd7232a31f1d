"""Handles the signals that end a command: the first ends it in order, a second SIGINT leaves at once."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)         # the last: the terminal was closed


@contextlib.contextmanager
def handled(notify: Callable[[int], None], leave: Callable[[], int | None]) -> Iterator[None]:
    """`notify` gets the number of each signal. `leave` tidies the screen before the process exits at once, and may
    return an exit code other than the signal's."""
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and signal.SIGINT in seen:
            os._exit(leave() or 128 + number)
        seen.append(number)
        notify(number)

    # What nohup has the command ignore stays ignored.
    numbers = [number for number in ENDING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
