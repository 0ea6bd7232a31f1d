from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import xmlrpc.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.layout import Layout
from tests.executor.driver import PYTHONS, Example
from tests.executor.place import Place
from tests.support import guard
from tests.support.lab import LabHost, git

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Short, for a unix socket in it."""
    made = Path(tempfile.mkdtemp(prefix="exec-"))
    guard.watch(made)
    yield made
    guard.clear(made)


@pytest.fixture(scope="session")
def lab(folder: Path, real_hosts: None) -> Iterator[tuple[Path, LabHost]]:
    """A host without sshd: its supervisord and its root."""
    host = LabHost(folder, "h")
    host.start_supervisord()
    yield folder, host
    host.stop()


@pytest.fixture(autouse=True)
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with nothing in it."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def host(lab: tuple[Path, LabHost]) -> LabHost:
    return lab[1]


@pytest.fixture
def example(lab: tuple[Path, LabHost]) -> Iterator[Example]:
    made = Example(lab[0] / "git", lab[1], f"svc{next(NUMBERS)}")
    yield made
    shutil.rmtree(lab[1].root / ".fabvisor", ignore_errors=True)    # no test inherits another's journal
    for path in (lab[1].root / "conf.d").iterdir():
        path.unlink()
    _forget_programs(lab[1].rpc)


def _forget_programs(rpc: Any) -> None:
    """Ask all to stop and remove those that have: at its end supervisord would stop group after group."""
    for group in {one["group"] for one in rpc.getAllProcessInfo()}:
        rpc.stopProcessGroup(group, False)
        with contextlib.suppress(xmlrpc.client.Fault):      # still running: next time
            rpc.removeProcessGroup(group)


@pytest.fixture(params=PYTHONS, ids=lambda path: Path(path).parts[-3] if "versions" in path else Path(path).name)
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Make = Callable[[], Example]


@pytest.fixture
def another(lab: tuple[Path, LabHost]) -> Make:
    return lambda: Example(lab[0] / "git", lab[1], f"svc{next(NUMBERS)}")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout({"root": str(tmp_path), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})
    made.prepare()
    (tmp_path / "conf.d").mkdir()
    for service in "ab":
        os.makedirs(made.service_state(service))
    return made


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with a branch, a tag of each kind, and a branch and a tag of the same name."""
    path = tmp_path / "work"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "work")
    for number in range(3):
        (path / "file").write_text(str(number))
        git(path, "add", "--all")
        git(path, "commit", "--quiet", "--message", f"subject {number}")
        if number < 2:
            git(path, "tag", *(["-a", "-m", "x"] if number else []), f"v{number}")
    git(path, "branch", "both", "v0")
    git(path, "tag", "both", "v1")
    git(path, "branch", "feature/x", "v1")
    return path


@pytest.fixture
def place(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    settings = {"protocol.file.allow": "always", "user.name": "Ann", "user.email": "ann@example.com"}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (name, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    return Place(tmp_path / "host", work)


@pytest.fixture
def nested(place: Place, tmp_path: Path) -> Place:
    """With a submodule `part`, which has one, `inner`; both are at their first commit."""
    for name in ("inner", "part"):
        git(tmp_path, "init", "--quiet", "--initial-branch=main", name)
        (tmp_path / name / "file").write_text(f"{name} 1\n")
        (tmp_path / name / ".gitignore").write_text("*.o\n")
        if name == "part":
            git(tmp_path / name, "submodule", "--quiet", "add", str(tmp_path / "inner"), "inner")
        git(tmp_path / name, "add", "--all")
        git(tmp_path / name, "commit", "--quiet", "--message", "one")
    git(place.work, "submodule", "--quiet", "add", str(tmp_path / "part"), "part")
    git(place.work, "submodule", "--quiet", "update", "--init", "--recursive")
    place.forward(place.commit())
    return place
