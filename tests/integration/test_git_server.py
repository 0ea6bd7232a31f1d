"""A git server over HTTP that wants a password, as GitLab's deploy tokens do; and one that is busy."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gitlab.server import GitServer
from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import git

TOKEN = "glpat-hunter2MARK-0123456789"


@pytest.fixture
def served(make_app: MakeApp) -> Iterator[tuple[App, GitServer]]:
    app = make_app().alone()
    with GitServer(app.lab.folder / "git", TOKEN) as server:
        app.write(repo=f"{server.url.replace('//', f'//gitlab-ci-token:{TOKEN}@')}/{app.name}.git")
        yield app, server


def pids() -> set[str]:
    return set(filter(str.isdigit, os.listdir("/proc")))


class ArgumentWatch:
    """Looks at the arguments of all new processes, again and again, for the token."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._old = pids()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> ArgumentWatch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):        # without a processor of its own
            for name in pids() - self._old:
                try:
                    arguments = Path(f"/proc/{name}/cmdline").read_bytes()
                except OSError:
                    continue
                if TOKEN.encode() in arguments:
                    self.seen.add(arguments.replace(b"\0", b" ").decode("utf-8", "replace"))


@pytest.mark.promise(7)
@pytest.mark.parametrize("fetch", ["host", "client"])
def test_password_of_a_url_reaches_the_git_server_and_nothing_else(
        served: tuple[App, GitServer], fetch: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    app, server = served
    app.write(fetch=fetch)
    with ArgumentWatch() as watch:
        run = app.deploy()
        assert run.code == 0, run
        app.commit(f"{app.name}-2")
        assert app.deploy().code == 0
    assert not watch.seen
    assert TOKEN not in run.out + run.err
    for host in app.hosts:
        root = app.lab[host].root
        origin = git(app.lab[host].directory(app.name), "config", "remote.origin.url")
        assert origin == f"{server.url.replace('//', '//gitlab-ci-token@')}/{app.name}.git"
        holders = [path for path in root.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
        assert not holders
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.mark.promise(7)
def test_password_that_an_older_deploy_left_in_the_clone_goes_with_the_next_one(
        served: tuple[App, GitServer]) -> None:
    app, server = served
    app.deployed()
    for host in app.hosts:
        git(app.lab[host].directory(app.name), "remote", "set-url", "origin",
            f"{server.url.replace('//', f'//x:{TOKEN}@')}/{app.name}.git")
    app.commit(f"{app.name}-2")
    assert app.deploy().code == 0
    for host in app.hosts:
        assert TOKEN not in (app.lab[host].directory(app.name) / ".git/config").read_text()


def test_wrong_password_is_refused_by_name_and_not_shown(served: tuple[App, GitServer]) -> None:
    app, server = served
    app.write(repo=f"{server.url}/{app.name}.git".replace("//", "//gitlab-ci-token:wrong-MARK@"))
    run = app.deploy()
    assert run.code == 2, run
    assert "the git server refuses this host's user" in messages(run)
    assert "wrong-MARK" not in run.out + run.err


def test_busy_git_server_is_asked_again(served: tuple[App, GitServer]) -> None:
    app, server = served
    server.busy = 1
    run = app.deploy()
    assert run.code == 0, run
    server.busy = 1000
    app.commit(f"{app.name}-2")
    refused = app.deploy()
    assert refused.code == 75, refused
    assert "503" in messages(refused)
