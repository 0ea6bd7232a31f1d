"""No command waits for ever for a host that hangs, whichever part of it: it is named, and the others are told of.

A server that says nothing is in tests/integration/test_mute_server.py.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.faults import checker
from tests.faults.fleet import Fleet, armed_executor
from tests.integration.app import RunningClient
from tests.support.lab import Run

LEASE = 8                       # seconds
READING = (["status"], ["logs", "app"], ["logs", "app", "--deploy", "last"], ["history", "app"], ["plan", "app"])
RECOVER = ["recover", "app"]
VERB = "ending = verb("
HANGS = f'if "/web2/" in hello["place"]["root"]: HANG\n        {VERB}'
SOON = ("link.py", "STUCK = 300.0", "STUCK = 1.0")


@pytest.fixture(scope="module")
def fleet(real_hosts: None) -> Iterator[Fleet]:
    with Fleet() as made:
        for settings in made.app.settings.values():
            settings["python"] = sys.executable       # a server of executors would hang for both hosts
        made.set_lease(LEASE)
        yield made


@pytest.fixture(params=[
    pytest.param("os.kill(os.getpid(), signal.SIGSTOP)", id="the executor is frozen", marks=pytest.mark.long),
    pytest.param("os.kill(os.getppid(), signal.SIGSTOP)", id="its sshd is frozen", marks=pytest.mark.long),
    pytest.param('__import__("time").sleep(1000)', id="the disk is dead"),
])
def hanging(request: pytest.FixtureRequest, fleet: Fleet) -> Iterator[Fleet]:
    """web2 hangs in the midst of every conversation."""
    well = fleet.executor
    fleet.executor = armed_executor((("main.py", VERB, HANGS.replace("HANG", request.param)), SOON))
    yield fleet
    fleet.executor = well
    fleet.kill(*checker.executors(fleet, "web2"))
    fleet.lab["web2"].sshd.end_sessions()


@pytest.mark.long
def test_host_that_hangs_within_a_conversation_is_unreachable(hanging: Fleet) -> None:
    for command, run in all_of(hanging, READING, RECOVER, ["deploy", "app", "--force"]).items():
        assert (run.code, run.outcome("web2", "app")) == (75, "unreachable"), (command, run)
        assert f"it was silent for {LEASE} s" in run.finished["hosts"]["web2"]["app"]["why"]


@pytest.mark.long
def test_frozen_sshd_is_unreachable(fleet: Fleet) -> None:
    with frozen(fleet.lab["web2"].sshd.pid):
        for command, run in all_of(fleet, READING, RECOVER).items():
            assert (run.code, run.outcome("web2", "app")) == (75, "unreachable"), (command, run)


@pytest.mark.long
def test_hanging_supervisord_is_named_by_every_command(fleet: Fleet) -> None:
    daemon = fleet.lab["web2"].daemon
    assert daemon is not None
    with frozen(daemon.pid):
        runs = all_of(fleet, READING, RECOVER)
    codes = {command: run.code for command, run in runs.items()}
    assert codes == {"status": 1, "logs app": 0, "logs app --deploy last": 0, "history app": 0, "plan app": 2,
                     "recover app": 2}
    assert "supervisord hangs" in runs["status"].out and "supervisord hangs" in runs["recover app"].out


def all_of(fleet: Fleet, at_once: Sequence[list[str]], *then: list[str]) -> dict[str, Run]:
    """Each must end by itself. The limit is far beyond what any of them may take."""
    client: dict[str, RunningClient] = {" ".join(command): fleet.begin(*command) for command in at_once}
    runs = {command: run.end(90) for command, run in client.items()}
    return runs | {" ".join(command): fleet.fab(*command) for command in then}


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
