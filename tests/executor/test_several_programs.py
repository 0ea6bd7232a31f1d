"""A service of several programs on one host: a real git repository, a real supervisord."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tasks.executor.layout import Layout
from tasks.executor.service import facts
from tasks.executor.supervisor import rpc
from tasks.executor.supervisor.supervisord import Supervisord
from tasks.inventory.model import Health, Program, Service
from tasks.program.quoting import PROCESS_NUMBER
from tests.executor.driver import UNHEALTHY, Example
from tests.support.lab import LabHost, wait_for
from tests.support.services import changed

OPTIONS = {"startsecs": "0", "stopwaitsecs": "5"}
NAMES = ("web", "worker", "beat")


def several(example: Example, *names: str, **fields: Any) -> Service:
    """The example with these programs; web has two processes, worker a variable of its own."""
    own: dict[str, Any] = {"web": {"numprocs": 2}, "worker": {"numprocs": 1, "variables": {"QUEUE": "it's"}}}
    programs = tuple(Program(name=name, group=f"{example.name}-{name}", command="/bin/sh ./built", options=OPTIONS,
                             **{"numprocs": 1, **own.get(name, {}), **fields.get(name, {})}) for name in names)
    return replace(example.service, programs=programs)


def processes(example: Example) -> dict[str, int]:
    """The pid of each process that runs, by its name without the service's."""
    return {info["name"].removeprefix(example.name).lstrip("-"): info["pid"]
            for info in example.host.rpc.getAllProcessInfo()
            if info["group"].startswith(example.name) and info["statename"] == "RUNNING"}


def environ(pid: int) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in Path(f"/proc/{pid}/environ").read_text().split("\0"))
    return {name: value for name, _, value in pairs}


def test_programs_of_a_service_start_numbered_and_only_what_stopped_is_started_again(example: Example) -> None:
    example.write()
    example.committed(several(example, *NAMES))
    running = processes(example)
    assert sorted(running) == ["beat", "web_00", "web_01", "worker"]
    assert {name: environ(pid).get("PROCESS_NUM") for name, pid in running.items()} == {
        "web_00": "0", "web_01": "1", "worker": "0", "beat": "0"}
    assert {name: environ(pid).get("QUEUE") for name, pid in running.items()} == {
        "web_00": None, "web_01": None, "worker": "it's", "beat": None}
    assert {environ(pid)["WHO"] for pid in running.values()} == {"x"}
    logs = {path.name.removeprefix(example.name) for path in (example.directory / "logs").iterdir()}
    assert logs == {"-web_00.log", "-web_01.log", "-worker.log", "-beat.log"}
    with example.deploy(several(example, *NAMES)) as deploy:
        assert not deploy.look().message()["services"][example.name]["steps"], "it is up to date"
    for process in ("beat:{0}-beat", "web:{0}-web_01"):
        example.host.rpc.stopProcess(f"{example.name}-{process.format(example.name)}")
    example.committed(several(example, *NAMES))
    after = processes(example)
    assert after.keys() == running.keys()
    assert {name for name in running if running[name] != after[name]} == {"beat", "web_01"}


def test_programs_of_a_service_are_looked_at_by_one_question(host: LabHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """supervisord answers with all processes of the host, which takes both sides the longer the more there are."""
    asked: list[str] = []
    call = rpc.call
    monkeypatch.setattr(rpc, "call", lambda path, login, method, *args: (asked.append(method),
                                                                         call(path, login, method, *args))[1])
    layout = Layout({"root": str(host.root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})
    states = facts.process_states(Supervisord(layout.access), {name: [name] for name in NAMES})
    assert {name: [process["state"] for process in group] for name, group in states.items()} == {
        name: ["absent"] for name in NAMES}
    assert asked == ["supervisor.getAllProcessInfo"]


@pytest.mark.promise(3)
@pytest.mark.parametrize("program", ["beat", "web"])
@pytest.mark.rows(1)
def test_one_unwell_program_takes_all_programs_back(example: Example, program: str) -> None:
    example.write()
    example.committed(several(example, *NAMES))
    before, files = sorted(processes(example)), example.program_file.read_text()
    example.write("exec sleep 2000\n")
    with example.deploy(several(example, *NAMES, **{program: {"health": UNHEALTHY}})) as deploy:
        deploy.prepare().run("activate").restored()
    assert (sorted(processes(example)), example.program_file.read_text()) == (before, files)
    with example.deploy(several(example, *NAMES)) as deploy:
        assert deploy.look().facts[example.name].started_from == example.head()


@pytest.mark.promise(3)
@pytest.mark.parametrize(("old", "new"), [
    (("web", "worker"), ("worker", "beat")), (NAMES, ("web",)), (("web",), NAMES), ((), NAMES), (NAMES, ())])
@pytest.mark.rows(1)
def test_programs_that_come_and_go_come_back_with_a_failed_deploy(example: Example, old: tuple[str, ...],
                                                                  new: tuple[str, ...]) -> None:
    """Without names: a service with `command`, one program that bears its name."""
    first, second = (several(example, *names) if names else example.service for names in (old, new))
    example.write()
    example.committed(first)
    before = sorted(processes(example))
    example.write("exec sleep 2000\n")
    with example.deploy(changed(second, health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate").restored()
    assert sorted(processes(example)) == before
    example.committed(second)
    after = sorted(processes(example))
    assert after == sorted(name for program in second.programs for name in (
        process.removeprefix(example.name).lstrip("-") for process in program.processes))


def test_processes_beside_command_are_numbered(example: Example) -> None:
    example.write()
    example.committed(example.with_(numprocs=3))
    assert sorted(processes(example)) == ["_00", "_01", "_02"]
    example.committed(example.with_(numprocs=2))
    assert sorted(processes(example)) == ["_00", "_01"]
    example.committed()
    assert sorted(processes(example)) == [""]


def test_number_of_a_process_is_in_its_command_its_log_and_its_health_check(example: Example, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    check = Health(command=f'echo "$PROCESS_NUM" >>{asked}; test "$PROCESS_NUM" -lt "$MOST"', timeout=20)
    service = several(example, "web", web={"health": check})
    numbered = {"command": "/bin/sh ./built 100${PROCESS_NUM}",
                "program": {**OPTIONS, "stdout_logfile": f"{tmp_path}/{PROCESS_NUMBER}.log"}}
    service = changed(service, **numbered)
    example.write("exec sleep $1\n")
    example.committed(replace(service, variables={**service.variables, "MOST": "2"}))
    assert asked.read_text() == "0\n1\n"
    assert {name: Path(f"/proc/{pid}/cmdline").read_text() for name, pid in processes(example).items()} == {
        "web_00": "sleep\0001000\0", "web_01": "sleep\0001001\0"}
    assert sorted(path.name for path in tmp_path.glob("*.log")) == ["0.log", "1.log"]
    with example.deploy(changed(service, variables={**service.variables, "MOST": "1"},
                                health=replace(check, timeout=0.1))) as deploy:
        deploy.prepare().run("activate").restored()


def test_logs_of_all_processes_are_sent(example: Example) -> None:
    example.write("echo from $PROCESS_NUM $QUEUE; exec sleep 1000\n")
    example.committed(several(example, *NAMES))
    logs = example.directory / "logs"
    wait_for(lambda: len([path for path in logs.iterdir() if path.stat().st_size]) == 4, "all to say their line")
    with example.deploy(several(example, *NAMES)) as deploy:
        deploy.hello("logs", lines=5)
        lines = {(each["process"].removeprefix(f"{example.name}-"), each["line"])
                 for each in deploy.executor.rest() if each["event"] == "log"}
    assert lines == {("web_00", "from 0"), ("web_01", "from 1"), ("worker", "from 0 it's"), ("beat", "from 0")}
