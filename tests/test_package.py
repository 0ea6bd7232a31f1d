"""The package: built, installed, and used by a team that has no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tasks._version import __version__
from tests.support.pythons import interpreters
from tests.test_requirements import PLACES, ROOT, listed

CLIENTS = {version: path for version, path in interpreters().items() if version >= (3, 10)}
PYTHON = "Programming Language :: Python :: "

FABFILE = """\
from fabvisor import namespace
from invoke.tasks import task


@task
def hello(context):
    print("hello from the team")


namespace.add_task(hello)
"""
pytestmark = pytest.mark.seconds(2)
ODD_SSH_CONFIG = "Match final all\n  User deploy\n"        # Fabric's own reader fails on it


class Team:
    """A folder with a hosts.yaml, and the installed command."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.environ: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(site), "HOME": str(folder)}

    def fabvisor(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.site / "bin/fabvisor", *words], cwd=cwd or self.folder, env=self.environ,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, whole_suite: None) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder], cwd=ROOT,
                   check=True, capture_output=True)
    built, = folder.glob("fabvisor-*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    packages = wheel.parent / "packages"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile",
                    "--target", packages, wheel], check=True, capture_output=True)
    return packages


@pytest.fixture
def team(site: Path, tmp_path: Path) -> Team:
    (tmp_path / "hosts.yaml").write_bytes((site / "fabvisor/embedded/example/hosts.yaml").read_bytes())
    return Team(site, tmp_path)


@pytest.fixture
def deploying(team: Team, real_hosts: None) -> Iterator[Team]:
    """It may start the sandbox, which ends with the test."""
    yield team
    team.fabvisor("sandbox.down")


def test_package_deploys_from_a_folder_that_has_only_hosts_yaml(deploying: Team) -> None:
    team = deploying
    (team.folder / ".ssh").mkdir(mode=0o700)
    (team.folder / ".ssh/config").write_text(ODD_SSH_CONFIG)
    deployed = team.fabvisor("deploy", "monitor", "--format", "json")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    events = map(json.loads, team.fabvisor("history", "monitor", "--format", "json").stdout.splitlines())
    assert {event["fabvisor"] for event in events if event["event"] == "history"} == {__version__}
    assert team.fabvisor("status").returncode == 0


def test_package_takes_the_tasks_of_a_fabfile_and_the_inventory_beside_it(team: Team) -> None:
    (team.folder / "fabfile.py").write_text(FABFILE)
    below = team.folder / "below"
    below.mkdir()
    assert team.fabvisor("hello", cwd=below).stdout == "hello from the team\n"
    assert "ci.init" in team.fabvisor("--list", cwd=below).stdout
    shown = team.fabvisor("config", "monitor", cwd=below)
    assert shown.returncode == 0, shown.stderr


def test_package_without_a_fabfile_has_all_commands_but_the_suite(team: Team) -> None:
    names = team.fabvisor("--list").stdout.split()
    assert {"deploy", "status", "sandbox.up"} <= set(names) and not any(name.startswith("test") for name in names)


def test_package_says_where_an_inventory_is_missing(team: Team) -> None:
    (team.folder / "hosts.yaml").unlink()
    refused = team.fabvisor("status")
    assert refused.returncode == 2 and "hosts.yaml" in refused.stderr and "Traceback" not in refused.stderr


def test_version_is_the_same_wherever_it_is_asked_for(team: Team) -> None:
    assert team.fabvisor("--version").stdout.splitlines()[0] == f"Fabvisor {__version__}"
    assert (team.site / f"fabvisor-{__version__}.dist-info").is_dir()
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.long
@pytest.mark.timeout(600)               # pip downloads
@pytest.mark.parametrize("python", CLIENTS.values(), ids=[f"{major}.{minor}" for major, minor in CLIENTS])
def test_package_installs_and_deploys_on_every_python_that_is_here(wheel: Path, tmp_path: Path, python: str) -> None:
    """With the dependencies that pip chooses today, not those of the lock."""
    venv = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", venv], check=True, capture_output=True)
    subprocess.run([venv / "bin/pip", "install", "--quiet", f"{wheel}[sandbox]"], check=True, capture_output=True)
    team = Team(venv, tmp_path)
    shutil.copy(ROOT / "hosts.yaml", tmp_path)
    try:
        for words in ("--version", "check", "deploy monitor", "status", "remove monitor --yes"):
            run = team.fabvisor(*words.split())
            assert run.returncode == 0 and "Warning" not in run.stderr, (words, run.stdout, run.stderr)
    finally:
        team.fabvisor("sandbox.down")


def test_package_names_the_pythons_that_the_locks_hold_for(site: Path) -> None:
    installed, = site.glob("fabvisor-*.dist-info")
    told = metadata.PathDistribution(installed).metadata
    named = [line.removeprefix(PYTHON) for line in told.get_all("Classifier") if line.startswith(PYTHON + "3.")]
    assert named == list(dict.fromkeys(place["python_version"] for place in PLACES))
    assert told["Requires-Python"] == f">={named[0]}"
    assert f"Python {named[0]} to {named[-1]}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_package_prints_a_completion_script_for_its_own_command(team: Team, shell: str) -> None:
    last = team.fabvisor("--print-completion-script", shell).stdout.splitlines()[-1]
    assert "fabvisor" in last.split()


def test_package_takes_the_versions_that_the_lock_has(site: Path) -> None:
    wheel, = site.glob("fabvisor-*.dist-info")
    needed = [Requirement(line) for line in metadata.PathDistribution(wheel).requires or []]
    pins = {pin.name.lower(): pin for pin in listed(ROOT / "requirements.in")}
    assert {requirement.name.lower() for requirement in needed} == set(pins)
    for requirement in needed:
        version = next(iter(pins[requirement.name.lower()].specifier)).version
        assert requirement.specifier.contains(version), requirement
