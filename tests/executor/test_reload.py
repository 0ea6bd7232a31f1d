"""Programs that take a new version at a signal: a real supervisord, and a stand-in for gunicorn's HUP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.inventory.model import Health, Service
from tests.executor.driver import Example
from tests.support.lab import wait_for
from tests.support.services import changed

# A first process that never changes, and a child that runs the version on the disk; HUP replaces it. As gunicorn does
# with --chdir, it first goes back to where it was started, and then where `current` leads.
MASTER = """\
import os, signal, time
started_in = os.getcwd()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.signal(signal.SIGHUP, lambda *_: globals().update(reloads=True))
child, reloads = 0, True
while True:
    if reloads:
        reloads, old = False, child
        os.chdir(started_in)
        if os.path.exists("follows"):
            os.chdir("../../current")
        version = open("version").read().strip()
        child = os.fork()
        if not child:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.execlp("sleep", version, "1000")
        if old:
            os.kill(old, signal.SIGKILL)
            os.waitpid(old, 0)
        if version.startswith("bad"):
            time.sleep(0.3 * ("moment" in version))
            os._exit(3)
        if version == "stubborn":
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    time.sleep(0.02)
"""
QUICK = "from .steps import reload\nreload.SHOWN_WITHIN = 0.5\n"


def reloading(example: Example, **fields: Any) -> Service:
    return example.with_(reload="HUP", program={"startsecs": "0", "stopwaitsecs": "5"}, **fields)


def write(example: Example, version: str, **files: str) -> str:
    return example.write(f"exec {sys.executable} -I -S master.py\n",
                         **{"master.py": MASTER, "version": version, **files})


def child_of(pid: int) -> list[str]:
    """The name of its only child, which is its version."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{child}/cmdline").read_text().split("\0")[0] for child in children]


@pytest.fixture
def running(example: Example) -> Example:
    write(example, "v1")
    example.committed(reloading(example))
    wait_for(lambda: child_of(example.info()["pid"]) == ["v1"], "the first version")
    return example


def test_signal_takes_the_place_of_the_restart_where_only_the_commit_changes(running: Example) -> None:
    pid = running.info()["pid"]
    commit = write(running, "v2")
    running.committed(reloading(running))
    assert running.info()["pid"] == pid and child_of(pid) == ["v2"]
    with running.deploy(reloading(running)) as deploy:
        facts = deploy.look().facts[running.name]
        assert facts.started_from == commit and not deploy.message()["services"][running.name]["steps"]


def test_changed_variable_restarts_a_program_that_reloads(running: Example) -> None:
    pid = running.info()["pid"]
    write(running, "v2")
    running.committed(reloading(running, variables={"WHO": "y"}))
    assert running.info()["pid"] != pid


@pytest.mark.promise(3)
@pytest.mark.parametrize(("version", "words"), [
    ("bad", "did not stay up"), ("bad-after-a-moment", "did not stay up"), ("stubborn", "HUP brought no new process")])
@pytest.mark.rows(2)
def test_version_that_the_signal_does_not_bring_up_is_undone_by_a_restart(running: Example, version: str, words: str
                                                                         ) -> None:
    pid = running.info()["pid"]
    write(running, version)
    with running.deploy(reloading(running), faults=QUICK) as deploy:
        why = deploy.prepare().run("activate").restored()
    assert words in why and "background" not in why, "the worker of a master that ended is no daemon"
    assert running.info()["pid"] != pid
    wait_for(lambda: child_of(running.info()["pid"]) == ["v1"], "the first version")


@pytest.mark.promise(8)
@pytest.mark.long
def test_child_that_stays_in_the_old_release_does_not_count(running: Example) -> None:
    released = reloading(running, strategy="releases")
    write(running, "v2")
    running.committed(released)
    write(running, "v3")
    with running.deploy(released, faults=QUICK) as deploy:
        assert "HUP brought no new process" in deploy.prepare().run("activate").restored()
    wait_for(lambda: child_of(running.info()["pid"]) == ["v2"], "the version before")


@pytest.mark.long
def test_release_that_a_reloaded_program_was_started_in_stays_for_as_long_as_it_runs(example: Example) -> None:
    """It goes back there at each signal."""
    released = reloading(example, strategy="releases", keep_releases=1)
    started = write(example, "v1", follows="")
    example.committed(released)
    pid = example.info()["pid"]
    for version in ("v2", "v3", "v4"):
        wait_for(lambda: len(child_of(pid)) == 1, "the version before")
        write(example, version)
        example.committed(released)
    assert example.info()["pid"] == pid
    example.committed(changed(released, variables={"A": "1"}))
    folder = example.directory / "releases"
    assert example.info()["pid"] != pid and started not in [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(("command", "ending"), [("false", "restored"),
                                                 ('grep -q v2 version && test "$REVISION"', "committed")])
@pytest.mark.rows(1)
def test_health_check_judges_a_reloaded_program(running: Example, command: str, ending: str) -> None:
    write(running, "v2")
    health = Health(command=command, timeout=0.5 if ending == "restored" else 20)
    with running.deploy(reloading(running, health=health)) as deploy:
        deploy.look().plan().done("prepare").run("activate")
        if ending == "committed":
            deploy.done("activate").executor.send({"do": "commit"})
        assert deploy.ending()["event"] == ending
    wait_for(lambda: child_of(running.info()["pid"]) == ["v2" if ending == "committed" else "v1"], "its version")
