"""`drain`, `undrain` and `on_failure` on one host: in which order they run, and on each way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.inventory.model import Health, Hook, Service
from tasks.inventory.secret import Secret
from tests.executor.driver import UNHEALTHY, Deploy, Example

TOKEN = "hunter2-MARK4711"
FORWARD = ["drain", "program", "restart", "verify", "undrain"]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A line for each hook that ran: its name, the source that it stood beside, and its secret."""
    return tmp_path / "record"


def hooks(record: Path, **commands: str) -> dict[str, tuple[Hook, ...]]:
    names = ("drain", "undrain", "on_failure")
    return {name: (Hook(run=(f'echo {name} "$(tail -1 source)" "$TOKEN" >>{record}', commands.get(name, "true"))),)
            for name in names}


def drained(example: Example, record: Path, commands: dict[str, str] | None = None, **fields: Any) -> Service:
    return example.with_(hooks=hooks(record, **(commands or {})), secrets=("TOKEN",),
                         secret_values={"TOKEN": Secret(TOKEN)}, **fields)


def lines(record: Path) -> list[str]:
    """What ran: names and sources. Each had the secret."""
    text = record.read_text().splitlines()
    assert all(line.endswith(TOKEN) for line in text), text
    record.unlink()
    return [line.removesuffix(f" {TOKEN}") for line in text]


def steps(deploy: Deploy, first: str = "undo checkout") -> list[str]:
    names = [name for name, _ in deploy.executor.steps()]
    return names[names.index(first):]


def source(name: str) -> str:
    return f"exec sleep {name}\n"


def test_drain_and_undrain_run_around_the_restart(example: Example, record: Path) -> None:
    service = drained(example, record)
    example.write(source("1001"))
    with example.deploy(service) as deploy:
        assert deploy.commit()["event"] == "committed"
        assert steps(deploy, "drain") == FORWARD
    assert lines(record) == ["drain exec sleep 1001", "undrain exec sleep 1001"]
    assert example.host.leftovers() == []


@pytest.mark.promise(3)
@pytest.mark.promise(7)
def test_undrain_runs_once_the_version_before_is_back(example: Example, record: Path) -> None:
    """Here before the programs stop, too: another host failed when this one served the new version."""
    service = drained(example, record, health=Health(command="test -e built", timeout=20))
    example.write(source("1001"))
    example.committed(service)
    lines(record)
    example.write(source("1002"))
    with example.deploy(drained(example, record, health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate")
        assert deploy.executor.until("failed")["step"] == "health"
        assert deploy.ending()["event"] == "restored"
        assert steps(deploy) == [
            "undo checkout", "undo build", "undo program", "undo restart", "undo drain", "on_failure"]
        assert ("notice", "warning") in [(each["event"], each.get("level")) for each in deploy.executor.heard]
    assert lines(record) == ["drain exec sleep 1002", "undrain exec sleep 1001", "on_failure exec sleep 1001"]
    with example.deploy(service) as deploy:
        deploy.activate().executor.send({"do": "abort", "why": "another host failed"})
        assert deploy.ending()["event"] == "restored"
        assert steps(deploy) == ["undo checkout", "undo build", "undo undrain", "undo program", "undo restart",
                                 "undo drain", "on_failure"]
    assert lines(record) == ["drain exec sleep 1002", "undrain exec sleep 1002", "drain exec sleep 1001",
                             "undrain exec sleep 1001", "on_failure exec sleep 1001"]
    assert TOKEN not in str(deploy.executor.heard)
    assert example.host.leftovers() == []


@pytest.mark.promise(4)
@pytest.mark.promise(7)
def test_undrain_runs_after_a_power_cut_with_its_secret(example: Example, record: Path) -> None:
    """Also where the version before had no secret; the journal has none either."""
    example.write(source("1001"))
    example.committed()
    example.write(source("1002"))
    with example.deploy(drained(example, record, {"undrain": "echo $TOKEN"})) as deploy:
        deploy.activate().executor.kill()
    (journal,) = (example.host.root / ".fabvisor/journal").iterdir()
    assert "undrain" in journal.read_text() and TOKEN not in journal.read_text()
    lines(record)
    with example.deploy() as deploy:
        deploy.look()
        assert "***" in str(deploy.executor.heard) and TOKEN not in str(deploy.executor.heard)
    assert lines(record) == ["drain exec sleep 1001", "undrain exec sleep 1001", "on_failure exec sleep 1001"]


@pytest.mark.promise(3)
def test_host_stays_out_of_service_when_its_first_deploy_goes_back(example: Example, record: Path) -> None:
    """There is no version before. Where it was taken into service already, it leaves that before its clone goes."""
    example.write(source("1001"))
    with example.deploy(drained(example, record, health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate")
        assert deploy.ending()["event"] == "restored"
    assert not example.directory.exists()
    assert [line.split()[0] for line in lines(record)] == ["drain", "on_failure"]
    with example.deploy(drained(example, record)) as deploy:
        deploy.activate().executor.send({"do": "abort", "why": "another host failed"})
        assert deploy.ending()["event"] == "restored"
        assert steps(deploy, "undo undrain") == ["undo undrain", "undo program", "undo restart", "undo fetch",
                                                 "on_failure"]
    assert [line.split()[0] for line in lines(record)] == ["drain", "undrain", "drain", "on_failure"]


@pytest.mark.promise(3)
def test_failing_hooks_on_the_way_back_do_not_keep_the_version_before_from_running(
        example: Example, record: Path) -> None:
    """A host that does not enter service again needs a person. `recover` tries once more, and restarts nothing."""
    example.write(source("1001"))
    example.committed()
    example.write(source("1002"))
    gate = record.with_name("closed")
    shut = f"test ! -e {gate} || exit 5"
    with example.deploy(drained(example, record, {"drain": shut, "undrain": shut, "on_failure": "exit 6"})) as deploy:
        deploy.activate()
        gate.touch()
        deploy.executor.send({"do": "abort", "why": "another host failed"})
        problem = deploy.executor.until("problem")
        assert (problem["kind"], "undo drain failed: exit status 5" in problem["message"]) == ("needs_person", True)
        assert any("`drain` failed: exit status 5" in each.get("message", "") for each in deploy.executor.heard)
    assert example.info()["statename"] == "RUNNING" and (example.directory / "built").read_text().endswith("1001\n")
    pid = example.info()["pid"]
    with example.deploy() as deploy:
        deploy.hello()
        assert deploy.executor.until("problem")["kind"] == "needs_person"
    gate.unlink()
    with example.deploy() as deploy:
        deploy.look()
        assert deploy.executor.steps()[-2:] == [("undo drain", True), ("on_failure", False)]
    assert example.info()["pid"] == pid
    assert example.host.leftovers() == []
