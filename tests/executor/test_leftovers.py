"""Processes that go on without their supervisord: named by pid, and ended where a deploy that went back left them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tasks.executor import earlier_supervisord, errors
from tasks.executor.layout import Layout
from tasks.executor.supervisor.supervisord import Down, Supervisord
from tasks.executor.system import leftovers
from tests.executor.driver import Example
from tests.support.lab import LabHost, wait_for

DAEMON = "setsid sleep 1000 > /dev/null 2>&1 &\nexit 0\n"


def left(host: LabHost, example: Example) -> list[int]:
    supervised = [supervisord(host).info(example.name)["pid"]]
    return [process.pid for process in leftovers.leftovers(str(host.root / "supervisor.sock"), supervised)
            if process.name == example.name]


def supervisord(host: LabHost) -> Supervisord:
    return Supervisord(layout_of(host).access)


def layout_of(host: LabHost) -> Layout:
    return Layout({"root": str(host.root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})


@pytest.fixture
def alive(host: LabHost) -> Iterator[LabHost]:
    """The test may end its supervisord."""
    yield host
    host.stop_supervisord()
    host.start_supervisord()


@pytest.mark.promise(3)
@pytest.mark.parametrize("first", [False, True], ids=["a next one", "a first deploy"])
@pytest.mark.rows(1)
def test_program_that_sends_itself_to_the_background_is_named_and_ended(example: Example, host: LabHost,
                                                                       first: bool) -> None:
    service = example.with_(program={"startsecs": "1", "startretries": "0", "stopwaitsecs": "5"})
    if not first:
        example.write()
        example.committed(service)
    example.write(DAEMON)
    with example.deploy(service) as deploy:
        deploy.prepare().run("activate")
        failed = deploy.executor.until("failed")
        assert deploy.ending()["event"] == "restored"
    assert f"it left running {example.name} (pid " in failed["message"] and "foreground" in failed["hint"]
    assert left(host, example) == []
    assert supervisord(host).info(example.name)["statename"] == ("absent" if first else "RUNNING")


def test_process_of_an_earlier_version_is_not_ended(example: Example, host: LabHost) -> None:
    """Nobody knows whether it is wanted."""
    example.write("(setsid sleep 1000 > /dev/null 2>&1 &)\nexec sleep 1000\n")
    example.committed()
    (helper,) = wait_for(lambda: left(host, example), "the helper")
    example.write("exit 7\n")
    service = example.with_(program={"startsecs": "1", "startretries": "0", "stopwaitsecs": "5"})
    with example.deploy(service) as deploy:
        why = deploy.prepare().run("activate").restored()
    assert "it left running" in why and "background" not in why, "an earlier version left it"
    assert helper in left(host, example)
    for pid in left(host, example):
        os.kill(pid, signal.SIGKILL)


def test_supervisord_whose_socket_was_swept_away_is_named(alive: LabHost) -> None:
    """A second one would fight with it over the ports."""
    (alive.root / "supervisor.sock").unlink()
    with pytest.raises(Down) as caught:
        supervisord(alive).info("x")
    assert alive.daemon is not None
    assert f"supervisord (pid {alive.daemon.pid}) lives, but its socket" in caught.value.message
    assert f"kill {alive.daemon.pid}; when it is gone: supervisord -c" in caught.value.hint


def test_programs_of_a_killed_supervisord_are_named(example: Example, alive: LabHost) -> None:
    example.write()
    example.committed()
    pid = example.info()["pid"]
    assert alive.daemon is not None
    alive.daemon.kill()
    alive.daemon.wait()
    alive.daemon = None
    with pytest.raises(Down) as caught:
        supervisord(alive).info("x")
    found = caught.value.message.partition("it left running: ")[2].split(", ")      # of other tests, too
    assert f"{example.name} (pid {pid})" in found
    kill, start = caught.value.hint.split("; then start it: ")
    assert str(pid) in kill.split() and start.startswith("supervisord -c")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: f"(pid {pid})" not in said(alive), "the program to be gone")


@pytest.mark.long
def test_program_of_a_killed_supervisord_is_named_beside_the_one_of_its_successor(example: Example, alive: LabHost
                                                                                  ) -> None:
    """A daemon that it started, in a session of its own, is none."""
    example.write("(setsid sleep 1000 > /dev/null 2>&1 &)\nexec sleep 1000\n")
    example.committed()
    first, access = example.info()["pid"], supervisord(alive)
    helpers = wait_for(lambda: left(alive, example), "the helper")

    def twice() -> list[errors.HostError]:
        return earlier_supervisord.left_behind(layout_of(alive), [example.name], access)

    assert twice() == []
    assert alive.daemon is not None
    alive.daemon.kill()
    alive.daemon.wait()
    alive.start_supervisord()
    (problem,) = twice()
    assert f": {example.name} (pid {first}) is of the one before" in problem.message
    assert problem.hint == f"end that on the host: kill {first}"
    for pid in (first, *helpers):
        os.kill(pid, signal.SIGKILL)


def said(host: LabHost) -> str:
    with pytest.raises(Down) as caught:
        supervisord(host).info("x")
    return caught.value.message
