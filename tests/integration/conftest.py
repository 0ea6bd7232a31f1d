"""One lab of two hosts for all of these tests; every test has services of its own on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.app import App
from tests.support.lab import Lab
from tests.support.proxy import Proxy

numbers = itertools.count(1)
MakeApp = Callable[..., App]
Proxied = tuple[App, Proxy]


LAB = pytest.StashKey[Lab]()


@pytest.fixture(scope="session")
def lab(real_hosts: None, request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(("web1", "web2")) as made:
        request.session.stash[LAB] = made
        yield made


@pytest.fixture(scope="module", autouse=True)
def no_services_of_other_modules(request: pytest.FixtureRequest) -> Iterator[None]:
    """`status` calls a service odd that was deployed to its hosts and is not in its hosts.yaml."""
    yield
    lab = request.session.stash.get(LAB, None)
    for host in lab.hosts.values() if lab else ():
        host.remove_programs()


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


@pytest.fixture
def proxied(make_app: MakeApp) -> Iterator[Proxied]:
    """web1 by way of a proxy."""
    with _behind_proxy(make_app().deployed()) as proxied:
        yield proxied


@pytest.fixture
def shared_proxied(shared: App) -> Iterator[Proxied]:
    """The service of the other tests; web1 by way of a proxy."""
    with _behind_proxy(shared) as proxied:
        yield proxied


@pytest.fixture
def without_web1(shared: App) -> Iterator[App]:
    """The service of the other tests; nobody listens at the port of web1."""
    with shared.with_settings(web1={"port": 1}):
        yield shared


@contextmanager
def _behind_proxy(app: App) -> Iterator[Proxied]:
    sshd = app.lab["web1"].sshd
    with Proxy(sshd.host, sshd.port) as proxy, routed(app, proxy):
        yield app, proxy


@contextmanager
def routed(app: App, proxy: Proxy, **settings: Any) -> Iterator[None]:
    """The app's web1 is reached by way of the proxy, and has these settings, too."""
    known = app.lab.home / ".ssh/known_hosts"
    before = known.read_text()
    kind, key = app.lab["web1"].sshd.known_hosts_line.split(maxsplit=2)[1:]
    known.write_text(before + f"[{proxy.host}]:{proxy.port} {kind} {key}\n")
    with app.with_settings(web1={"address": proxy.host, "port": proxy.port, **settings}):
        try:
            yield
        finally:
            known.write_text(before)


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
