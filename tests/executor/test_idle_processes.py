"""Processes that did not run before a deploy: when it goes back they are in that state again, without their command."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.program import idle_processes
from tasks.executor.protocol import IdleProcess
from tests.executor.driver import UNHEALTHY, Example
from tests.support.lab import wait_for
from tests.support.services import changed

ONCE = {"startsecs": "0", "stopwaitsecs": "5", "autorestart": "false"}
# By case: the options, how it came to be so (`stop`, `kill`, or the end of its command), its state, its exit status.
CASES = {
    "stopped": (ONCE, "stop", "STOPPED", None),
    "ended well": (ONCE, "exit 0", "EXITED", 0),
    "ended badly": (ONCE, "exit 3", "EXITED", 3),
    "given up": ({**ONCE, "startsecs": "1", "startretries": "0"}, "exit 3", "FATAL", None),
    "killed": (ONCE, "kill", "EXITED", -1),
    "ended late": ({**ONCE, "startsecs": "1"}, "sleep 1.2; exit 4", "EXITED", 4),
}


class Idle:
    """Version 1 of a program, in which the last process does not run any more. Each start is noted in `record`."""

    def __init__(self, example: Example, folder: Path, options: dict[str, str], way: str, numprocs: int = 1) -> None:
        self.example, self.record = example, folder / "record"
        self.service = example.with_(program=options, numprocs=numprocs)
        gate = folder / "gate"
        example.write(f"echo 1 >>{self.record}\n[ ! -e {gate} ] || . {gate}\nexec sleep 1000\n")
        example.committed(self.service)
        rpc, (*_, name) = example.host.rpc, self.names
        pid = rpc.getProcessInfo(name)["pid"]
        if way == "kill":
            os.kill(pid, signal.SIGKILL)
        else:
            rpc.stopProcess(name)
        if way not in ("kill", "stop"):
            gate.write_text(way + "\n")
            rpc.startProcess(name, False)
        wait_for(lambda: rpc.getProcessInfo(name)["statename"] in ("STOPPED", "EXITED", "FATAL"), way)

    @property
    def names(self) -> list[str]:
        return sorted(f"{info['group']}:{info['name']}" for info in self.example.host.rpc.getAllProcessInfo()
                      if info["group"] == self.example.name)

    def states(self) -> list[tuple[str, Any]]:
        infos = [self.example.host.rpc.getProcessInfo(name) for name in self.names]
        return [(info["statename"], info["exitstatus"] if info["statename"] == "EXITED" else None) for info in infos]

    def go_back(self, end: str, **changes: Any) -> list[str]:
        """A deploy of version 2, which ends so or is unhealthy. Returns the versions that were started."""
        self.record.write_text("")
        self.example.write(f"echo 2 >>{self.record}\n{end}\n")
        options = {**self.service.programs[0].options, **changes}
        with self.example.deploy(self.example.with_(program=options, numprocs=len(self.names), health=UNHEALTHY)
                                 ) as deploy:
            deploy.prepare().run("activate").restored()
        return self.record.read_text().split()


@pytest.mark.promise(3)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.rows(2)
def test_process_that_did_not_run_is_in_that_state_after_a_deploy_that_went_back(
        example: Example, tmp_path: Path, case: str) -> None:
    """Also where its program file changed. What supervisord has given up it tries again."""
    options, way, state, status = CASES[case]
    idle = Idle(example, tmp_path, options, way)
    assert idle.states() == [(state, status)]
    env = (example.state / "env").read_bytes()
    for end, changes in (("exit 7", {}), ("exec sleep 1000", {"stopwaitsecs": "6"})):
        started = idle.go_back(end, **changes)
        wait_for(lambda: idle.states() == [(state, status)], f"{state}, not {idle.states()}")
        assert started == ["2"] or state == "FATAL"
        assert (example.state / "env").read_bytes() == env


@pytest.mark.promise(3)
def test_stopped_process_stays_stopped_beside_one_that_runs_again(example: Example, tmp_path: Path) -> None:
    """Where nothing but the start of the stopped one was tried, the other goes on."""
    idle = Idle(example, tmp_path, ONCE, "stop", numprocs=2)
    pid = example.host.rpc.getProcessInfo(idle.names[0])["pid"]
    with example.deploy(changed(idle.service, health=UNHEALTHY)) as deploy:
        deploy.look().plan().run("activate").restored()
    assert idle.states() == [("RUNNING", None), ("STOPPED", None)]
    assert example.host.rpc.getProcessInfo(idle.names[0])["pid"] == pid
    assert sorted(idle.go_back("exec sleep 1000", stopwaitsecs="6")) == ["1", "2", "2"]
    assert idle.states() == [("RUNNING", None), ("STOPPED", None)]


@pytest.mark.parametrize(("field", "value"), [("exitstatus", 7), ("start", 2), ("statename", "STOPPED")])
def test_process_that_ended_again_in_the_second_of_its_start_is_not_as_before(field: str, value: Any) -> None:
    info = {"statename": "EXITED", "start": 1, "exitstatus": 0}
    was: IdleProcess = {"name": "p", "state": "EXITED", "start": 1, "exit_status": 0}
    assert idle_processes.are_as_before("g", [was], {"g:p": info})
    assert not idle_processes.are_as_before("g", [was], {"g:p": {**info, field: value}})
    assert idle_processes.are_as_before("g", [{**was, "exit_status": None}], {"g:p": {**info, "exitstatus": -1}})


FULL = """
import os
from .program import idle_processes
from .disk import env_file
write, left = env_file.write, [%d]
def full(*args):
    left[0] -= 1
    if left[0] < 0:
        raise OSError(28, os.strerror(28))
    write(*args)
idle_processes.env_file.write = full
"""


@pytest.mark.promise(3)
@pytest.mark.parametrize("writes", [0, 1], ids=["before", "meanwhile"])
def test_deploy_goes_back_when_the_disk_is_full(example: Example, tmp_path: Path, writes: int) -> None:
    """Of the environment file: then a command may run for a moment, and nothing is left there."""
    idle = Idle(example, tmp_path, ONCE, "stop")
    env = (example.state / "env").read_bytes()
    example.write("exec sleep 1000\n")
    with example.deploy(changed(idle.service, health=UNHEALTHY), faults=FULL % writes) as deploy:
        deploy.prepare().run("activate").restored()
    assert (idle.states(), (example.state / "env").read_bytes()) == ([("STOPPED", None)], env)


@pytest.mark.promise(3)
@pytest.mark.long
def test_stopped_process_stays_stopped_where_somebody_removed_the_environment_file(
        example: Example, tmp_path: Path) -> None:
    idle = Idle(example, tmp_path, ONCE, "stop")
    (example.state / "env").unlink()
    assert idle.go_back("exec sleep 1000", stopwaitsecs="6") == ["2"]
    assert (idle.states(), (example.state / "env").exists()) == ([("STOPPED", None)], False)


@pytest.mark.promise(4)
def test_gate_is_open_once_its_executor_has_died(example: Example, tmp_path: Path) -> None:
    """The next command goes on, and takes the gate out of the environment file."""
    idle = Idle(example, tmp_path, ONCE, "stop")
    example.write()
    env = (example.state / "env").read_bytes()
    dies = """
from .program import idle_processes
def die(*args, **kwargs):
    __import__("os")._exit(9)
idle_processes.bring_back = die
"""
    with example.deploy(changed(idle.service, health=UNHEALTHY), faults=dies) as deploy:
        deploy.prepare().run("activate")
        deploy.executor.rest()
    assert (example.state / "env").read_bytes() != env
    idle.record.write_text("")
    example.host.rpc.startProcess(idle.names[0])
    wait_for(lambda: idle.record.read_text() == "1\n", "its command")
    with example.deploy() as deploy:
        deploy.look()
    assert (idle.states(), (example.state / "env").read_bytes()) == ([("STOPPED", None)], env)
