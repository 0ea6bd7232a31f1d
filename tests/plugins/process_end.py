"""The end of a test process. It holds some million objects by then: Python would free one after the other, for half a
second of a processor, and the kernel frees them at once.
"""

from __future__ import annotations

import atexit
import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Only in a process of xdist's: nobody reads its exit code."""
    if hasattr(config, "workerinput"):
        atexit.register(end)


def end() -> None:
    """Run all else that waits for the end of this process, and leave."""
    atexit.unregister(end)
    atexit._run_exitfuncs()
    os._exit(0)
