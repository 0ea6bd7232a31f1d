"""One lab of two hosts for all of these tests; every test has services of its own on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.app import App
from tests.support.lab import Lab

numbers = itertools.count(1)
MakeApp = Callable[..., App]


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab(("web1", "web2")) as made:
        yield made


@pytest.fixture
def make_app(lab: Lab) -> Iterator[MakeApp]:
    """make_app(**service): a service that no other test knows."""
    with _apps(lab) as make:
        yield make


@pytest.fixture
def app(make_app: MakeApp) -> App:
    """Not deployed yet."""
    return make_app()


@pytest.fixture(scope="module")
def shared(lab: Lab) -> Iterator[App]:
    """Deployed once in its first version, for tests that leave it as it was."""
    with _apps(lab) as make:
        yield make().deployed()


class _apps:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.made: list[App] = []

    def __enter__(self) -> MakeApp:
        return self._make

    def __exit__(self, *exc: object) -> None:
        for app in self.made:
            app.remove()

    def _make(self, **service: Any) -> App:
        app = App(self.lab, f"app{next(numbers)}", **service)
        self.made.append(app)
        return app
