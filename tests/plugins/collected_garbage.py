"""Garbage collection without the tests that were collected: they live until the end, and are looked at no more."""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    gc.disable()


@pytest.hookimpl(tryfirst=True)         # it comes in xdist's own process, too, which collects nothing
def pytest_runtestloop() -> None:
    gc.freeze()
    gc.enable()
