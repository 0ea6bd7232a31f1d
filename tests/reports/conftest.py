from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tasks.reports.__main__ import decode
from tasks.reports.screen import Screen
from tasks.reports.stream import Stream
from tasks.rollout.events import Event

HERE = Path(__file__).parent


class Shown:
    """A screen of memory: two hours after the recorded deploy, each look at the clock 3.1 s later."""

    def __init__(self, verbose: bool = False, environ: Mapping[str, str] | None = None) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        ticks = itertools.count()
        self.screen = Screen(
            out=Stream(self.stdout),
            err=Stream(self.stderr),
            environ=environ or {},
            verbose=verbose,
            now=lambda: datetime(2024, 5, 1, 12, tzinfo=timezone.utc),
            clock=lambda: 3.1 * next(ticks),
        )

    @property
    def text(self) -> str:
        errors = self.stderr.getvalue()
        return self.stdout.getvalue() + (f"--- stderr\n{errors}" if errors else "")


@pytest.fixture
def shown() -> type[Shown]:
    return Shown


@pytest.fixture
def recorded() -> Callable[[str], list[Event]]:
    return lambda name: decode((HERE / "events" / f"{name}.jsonl").read_bytes())


@pytest.fixture
def golden() -> Callable[[str], str]:
    return lambda name: (HERE / "golden" / f"{name}.txt").read_text("utf-8")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", sorted(each.stem for each in (HERE / "events").glob("*.jsonl")))
