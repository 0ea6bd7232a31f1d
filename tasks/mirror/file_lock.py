"""A lock of the kernel on a file: gone the moment its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import cache_folder

POLL = 0.1                              # seconds


@contextmanager
def locked(path: Path, holder: str, wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock; where another process has it, `wait` is told once who that is (`holder`).

    Raises NotReady where its file cannot be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise cache_folder.not_written(path.parent, error) from None
    waits = False
    try:
        while not _take(descriptor):
            if not waits:
                wait(f"waiting: {holder}")
            waits = True
            time.sleep(POLL)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
