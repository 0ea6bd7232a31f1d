from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import xmlrpc.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.git import Clone
from tasks.executor.layout import Layout
from tests.executor.driver import OLDEST_PYTHON, Example
from tests.executor.place import Place, clone_of
from tests.executor.site import Site
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


@pytest.fixture
def site(example: Example) -> Site:
    return Site(example)


def _forget_programs(rpc: Any) -> None:
    """Ask all to stop and remove those that have: at its end supervisord would stop group after group."""
    for group in {one["group"] for one in rpc.getAllProcessInfo()}:
        rpc.stopProcessGroup(group, False)
        with contextlib.suppress(xmlrpc.client.Fault):      # still running: next time
            rpc.removeProcessGroup(group)


@pytest.fixture
def python() -> str:
    return OLDEST_PYTHON


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


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repositories that were made once; a test gets a copy, for a start of git costs as much as a copy of all."""
    return tmp_path_factory.mktemp("templates")


def _copy_of(template: Path, folder: Path, make: Callable[[Path], None]) -> None:
    """`folder` as `make` makes it; what that wrote is the template of the next test."""
    if not template.exists():
        make(folder)
        _copy(folder, template)
    else:
        _copy(template, folder)


def _copy(one: Path, other: Path) -> None:
    """By cp: shutil takes ten times as long for hundreds of small files."""
    subprocess.run(["cp", "-a", one, other], check=True)


@pytest.fixture
def work(tmp_path: Path, templates: Path) -> Path:
    """A repository with a branch, a tag of each kind, and a branch and a tag of the same name."""
    _copy_of(templates / "work", tmp_path / "work", _make_work)
    return tmp_path / "work"


def _make_work(path: Path) -> None:
    git(path.parent, "init", "--quiet", "--initial-branch=main", "--template=", path.name)
    for number in range(3):
        (path / "file").write_text(str(number))
        git(path, "add", "--all")
        git(path, "commit", "--quiet", "--message", f"subject {number}")
        if number < 2:
            git(path, "tag", *(["-a", "-m", "x"] if number else []), f"v{number}")
    git(path, "branch", "both", "v0")
    git(path, "tag", "both", "v1")
    git(path, "branch", "feature/x", "v1")


@pytest.fixture
def clone(tmp_path: Path, work: Path) -> Clone:
    """Of `work`; nothing is made yet."""
    return clone_of(work, tmp_path / "clone")


@pytest.fixture
def settings_of_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person on the host has a name, and may take submodules from the disk."""
    settings = {"protocol.file.allow": "always", "user.name": "Ann", "user.email": "ann@example.com"}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (name, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)


@pytest.fixture
def place(tmp_path: Path, work: Path, settings_of_git: None, real_hosts: None) -> Place:
    """The disk of a host: a test of it starts dozens of gits, too many for the quick lane."""
    return Place(tmp_path / "host", work)


@pytest.fixture
def nested(templates: Path, settings_of_git: None, real_hosts: None) -> Place:
    """As place(), with a submodule `part`, which has one, `inner`; both are at their first commit."""
    folder = templates / "current"      # the same for all tests: the repositories name each other by their paths
    shutil.rmtree(folder, ignore_errors=True)
    _copy_of(templates / "nested", folder, _make_nested)
    return Place(folder / "host", folder / "work")


def _make_nested(folder: Path) -> None:
    folder.mkdir()
    _make_work(folder / "work")
    for name in ("inner", "part"):
        git(folder, "init", "--quiet", "--initial-branch=main", "--template=", name)
        (folder / name / "file").write_text(f"{name} 1\n")
        (folder / name / ".gitignore").write_text("*.o\n")
        if name == "part":
            git(folder / name, "submodule", "--quiet", "add", str(folder / "inner"), "inner")
        git(folder / name, "add", "--all")
        git(folder / name, "commit", "--quiet", "--message", "one")
    git(folder / "work", "submodule", "--quiet", "add", str(folder / "part"), "part")
    git(folder / "work", "submodule", "--quiet", "update", "--init", "--recursive")
    place = Place(folder / "host", folder / "work")
    place.forward(place.commit())
