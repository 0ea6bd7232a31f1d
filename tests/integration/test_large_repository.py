"""A repository of 1 GB travels in packs: neither side holds it in memory."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.app import App
from tests.integration.conftest import MakeApp
from tests.support.lab import git
from tests.support.processes import descendants

FILES, FILE = 64, 16 * 2**20            # that do not compress: 1 GB
MOST = 160 * 2**20                      # bytes of memory that are not of a file, of each side's Python


@pytest.mark.long
@pytest.mark.timeout(600)
def test_large_repository_is_sent_in_constant_memory(
        make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app = make_app(fetch="client")
    for repository in (app.repo, app.lab.folder / "git" / app.name):    # git would look for likenesses for minutes
        git(repository, "config", "core.bigFileThreshold", "1m")
        git(repository, "config", "core.compression", "0")
    chance = random.Random(1)
    for number in range(FILES):
        (app.lab.folder / "git" / app.name / f"large{number}").write_bytes(chance.randbytes(FILE))
    app.commit(f"{app.name}-1")
    for _ in ("the first deploy", "one commit"):
        with memory_of(app) as most:
            going = app.start("deploy", app.name, "--host", "web1")
            most.watch(going.process.pid)
            run = going.end(500)
        assert run.code == 0, run
        assert 0 < most.client < MOST and 0 < most.executor < MOST, (most.client >> 20, most.executor >> 20)
        print(f"client {most.client >> 20} MB, executor {most.executor >> 20} MB, the largest git {most.gits >> 20} MB")
        app.commit(f"{app.name}-2")


class Most:
    """The most memory of the client and of the executor, by proc(5): anonymous pages, in bytes."""

    def __init__(self, app: App) -> None:
        self.client = self.executor = self.gits = 0
        self._app = app
        self._pid = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def watch(self, pid: int) -> None:
        self._pid = pid
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            with suppress(OSError):             # before the first lock
                executor = int(self._app.holder("web1").get("pid") or 0)
                self.executor = max(self.executor, anonymous(executor))
                self.gits = max(self.gits, *map(anonymous, descendants(executor) if executor else [0]), 0)
            self.client = max(self.client, anonymous(self._pid))
            self.gits = max(self.gits, *map(anonymous, descendants(self._pid)), 0)


@contextmanager
def memory_of(app: App) -> Iterator[Most]:
    most = Most(app)
    yield most
    most.end()


def anonymous(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
