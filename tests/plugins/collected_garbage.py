"""Garbage collection that costs little: half of the seconds of a test that parses all sources, otherwise.

The tests that were collected live until the end, and are looked at no more. Cycles are few, and memory is enough.
"""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    gc.disable()


@pytest.hookimpl(tryfirst=True)         # it comes in xdist's own process, too, which collects nothing
def pytest_runtestloop() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    gc.enable()
