"""A deploy on one host that goes back: what it began is undone, and what it left alone stays."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tasks._errors import NotReady
from tests.executor.driver import UNHEALTHY, Before, Example
from tests.executor.faults import breaks
from tests.support.lab import git, stands_in, wait_for
from tests.support.services import changed

# supervisord is away for 18 s before each of two undos. A look lasts 9 s of this clock.
AWAY_TWICE = """
from . import steps
from .transaction import undo
from .supervisor import supervisord
now = [0.0]
class Clock:
    monotonic = staticmethod(lambda: now[0])
    sleep = staticmethod(lambda seconds: now.append(now.pop() + 9))
undo.time = Clock
absences = {"files_back": 2, "program_back": 2}
def absent(name, real):
    def act(ctx, step):
        if absences[name]:
            absences[name] -= 1
            raise supervisord.Away("it is away", "")
        return real(ctx, step)
    return act
steps.ACTIONS.update({name: absent(name, steps.ACTIONS[name]) for name in absences})
"""


@pytest.mark.promise(3)
@pytest.mark.long
def test_way_back_waits_for_each_absence_of_supervisord(example: Example) -> None:
    before = Before.next_version(example)
    with example.deploy(faults=AWAY_TWICE) as deploy:
        deploy.activate().executor.send({"do": "abort", "why": "enough", "reached": True})
        deploy.restored()
    before.assert_so()


@pytest.mark.promise(3)
def test_way_back_waits_for_git_that_somebody_runs(example: Example) -> None:
    example.write()
    first = example.committed()
    example.write()
    with example.deploy() as deploy:
        deploy.prepare()
        with subprocess.Popen(["git", "cat-file", "--batch"], cwd=example.directory, stdin=subprocess.PIPE) as theirs:
            (example.directory / ".git/index.lock").touch()
            (example.directory / "source").write_text("mine")
            deploy.executor.send({"do": "abort", "why": "enough", "reached": True})
            while (told := deploy.executor.until("host_state"))["state"] != "waiting":
                pass
            assert "s for git: git in" in told["detail"]
            theirs.communicate(b"")
        deploy.executor.until("restored")
    assert example.head() == first
    assert git(example.directory, "show", "stash@{0}:source") == "mine"


@pytest.mark.promise(3)
@pytest.mark.long
def test_build_that_puts_a_file_in_the_place_of_the_logs_goes_back(example: Example) -> None:
    """supervisord reads no file of anybody's while the folder of a log is missing."""
    before = Before.next_version(example)
    with example.deploy(example.with_(build=("cp source built", "rm -r logs; echo x > logs"))) as deploy:
        deploy.look().plan().done("prepare").run("activate")
        assert "logs is no folder" in deploy.executor.until("failed")["message"]
        deploy.restored()
    before.assert_so(same_process=True)
    (example.directory / "logs").rmdir()
    (example.directory / "logs").write_text("x")
    with example.deploy() as deploy:
        deploy.hello()
        (found,) = deploy.executor.until("not_ready")["problems"]
    assert found["hint"].startswith("move it away on the host: mv ")


@pytest.mark.promise(3)
@pytest.mark.parametrize("step", ["verify", "health", pytest.param("program", marks=pytest.mark.long)])
def test_failed_activation_is_undone(example: Example, step: str) -> None:
    example.write()
    example.committed()
    before = Before(example)
    example.write("exit 1\n" if step == "verify" else "exec sleep 1000\n")
    new = {"verify": example.with_(program={"startsecs": "1"}), "health": example.with_(health=UNHEALTHY),
           "program": example.with_(program={"stdout_logfile": "/no/such/folder/log"})}[step]
    with example.deploy(new) as deploy:
        deploy.prepare().run("activate")
        assert deploy.executor.until("failed")["step"] == step
        deploy.restored()
    before.assert_so()
    assert example.results() == ["committed", "restored"]


@pytest.mark.promise(3)
def test_crash_loop_before_a_failed_build_is_one_after_it(example: Example, tmp_path: Path) -> None:
    """It has another process then than the deploy met, which may have been started from half of the build."""
    loops, service = tmp_path / "loops", example.with_(program={"startsecs": "1", "stopwaitsecs": "5"})
    example.write(f"[ ! -e {loops} ] || {{ sleep 1.2; exit 3; }}\nexec sleep 1000\n")
    example.committed(service)
    loops.touch()
    os.kill(good := example.info()["pid"], signal.SIGKILL)
    wait_for(lambda: example.info()["pid"] not in (0, good) and example.info()["statename"] == "RUNNING", "the loop")
    example.write()
    with example.deploy(changed(service, build=("exit 9",))) as deploy:
        pid = deploy.look().facts[example.name].programs[example.name][0].pid
        wait_for(lambda: example.info()["pid"] not in (0, pid), "another process")
        deploy.plan().restored()


@pytest.mark.promise(8)
def test_process_that_had_just_begun_runs_again_before_the_host_says_so(example: Example) -> None:
    """Nobody knows yet whether it stays up, so it need not; but it gets the time."""
    service = example.with_(program={"startsecs": "1", "startretries": "0", "stopwaitsecs": "5"})
    example.write("exec sleep 1000\n")
    example.committed(service)
    os.kill(good := example.info()["pid"], signal.SIGKILL)
    wait_for(lambda: example.info()["pid"] not in (0, good) and example.info()["statename"] == "RUNNING", "a next one")
    example.write("exit 7\n")
    with example.deploy(service) as deploy:
        deploy.prepare().run("activate").restored()
    assert example.info()["statename"] == "RUNNING"


@pytest.mark.promise(8)
def test_host_is_not_as_it_was_where_the_version_before_ends_at_once(example: Example, tmp_path: Path) -> None:
    """As where its database has gone. With `startsecs: 0` supervisord calls it RUNNING for a moment."""
    gone = tmp_path / "gone"
    for source in ("exec sleep 1000\n", "exec sleep 2000\n"):
        example.write(f"[ ! -e {gone} ] || exit 7\n{source}")
        if not example.directory.exists():
            example.committed()
    with example.deploy() as deploy:
        gone.touch()
        deploy.prepare().run("activate")
        told = deploy.executor.until("problem")
    assert told["kind"] == "needs_person"
    assert "undo restart failed: it did not stay up" in told["message"]


@pytest.mark.promise(3)
@pytest.mark.parametrize("error", [
    "raise OSError(28, 'No space left on device')", "raise UnicodeError('odd')",
    "import xmlrpc.client; raise xmlrpc.client.Fault(91, 'STILL_RUNNING')", "return ctx.nothing"])
@pytest.mark.rows(1)
def test_any_error_in_a_step_is_undone(example: Example, error: str) -> None:
    example.write()
    with example.deploy(faults=breaks("build", error)) as deploy:
        deploy.look().plan()
        assert deploy.executor.until("failed")["step"] == "build"
        deploy.restored()
    assert not example.directory.exists()
    assert example.host.leftovers() == []


@pytest.mark.parametrize("error", ["OSError(28, 'No space left on device')"])
def test_failed_undo_keeps_the_journal_and_says_what_to_type(example: Example, error: str) -> None:
    example.write()
    faults = breaks("build", "raise ValueError") + breaks("remove_clone", "raise " + error)
    with example.deploy(faults=faults) as deploy:
        deploy.look().plan()
        assert deploy.executor.until("problem")["kind"] == "needs_person"
    with example.deploy() as deploy:                # that was put right: the next command finishes it
        deploy.hello()
        assert deploy.executor.until("locked")["recovered"][0]["result"] == "restored"
    assert not example.directory.exists()


@pytest.mark.promise(3)
def test_full_disk_at_the_commit_is_undone(example: Example) -> None:
    before = Before.next_version(example)
    full = """
from .disk import json_lines
real = json_lines.append
def append_line(path, value, *rest, **more):
    if value.get("result") == "committed":
        raise OSError(28, "No space left on device", path)
    return real(path, value, *rest, **more)
json_lines.append = append_line
"""
    with example.deploy(faults=full) as deploy:
        deploy.activate().executor.send({"do": "commit"})
        deploy.restored()
    before.assert_so()


@pytest.mark.promise(3)
def test_unwritable_program_file_is_undone(example: Example) -> None:
    """No fault injected: something is in the way on the real disk."""
    before = Before.next_version(example)
    obstacle = example.program_file.with_name(f".{example.name}.conf.fabvisor.new")
    obstacle.mkdir()
    with example.deploy(example.with_(run_mode="other")) as deploy:
        deploy.prepare().run("activate")
        assert deploy.executor.until("failed")["step"] == "program"
        deploy.restored()
    obstacle.rmdir()
    before.assert_so(same_process=True)


@pytest.mark.promise(3)
@pytest.mark.parametrize("has_history", [True, False])
@pytest.mark.rows(1)
def test_undo_builds_where_the_version_before_was_built(example: Example, has_history: bool) -> None:
    """It was built at the top; it has no such folder as the new `subdirectory`."""
    example.write()
    example.committed()
    if not has_history:
        (example.state / "history.jsonl").unlink()
    before = Before(example)
    (example.work / "backend").mkdir()
    example.write(**{"backend/source": "exec sleep 1000\n"})
    with example.deploy(example.with_(subdirectory="backend", health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate")
        assert deploy.executor.until("failed")["step"] == "health"
        assert stands_in(example.info()["pid"]) == example.directory / "backend"
        deploy.restored()
    before.assert_so(same_process=False)
    assert stands_in(example.info()["pid"]) == example.directory


@pytest.mark.promise(3)
def test_undo_leaves_a_stopped_program_stopped(example: Example) -> None:
    example.write()
    example.committed()
    example.host.rpc.stopProcess(f"{example.name}:{example.name}")
    before = Before(example)
    example.write()
    with example.deploy(example.with_(health=UNHEALTHY, run_mode="other")) as deploy:
        deploy.prepare().run("activate")
        deploy.restored()
    before.assert_so()


def test_failed_repair_of_a_broken_program_can_be_repeated(example: Example) -> None:
    """The version before cannot run: a failed deploy of its repair must not be the last one possible."""
    example.write()
    example.program_file.write_text(f"[program:{example.name}]\ncommand=/no/such\nautostart=false\n")
    example.host.rpc.reloadConfig()
    example.host.rpc.addProcessGroup(example.name)
    with example.deploy(example.with_(health=UNHEALTHY)) as deploy:
        deploy.prepare(force=True).run("activate")
        deploy.restored()
    with example.deploy() as deploy:
        deploy.activate(force=True)
        deploy.executor.send({"do": "commit"})
        assert deploy.ending()["event"] == "committed"


def test_undo_does_not_start_a_program_that_was_never_loaded(example: Example) -> None:
    example.write()
    text = f"[program:{example.name}]\ncommand=/bin/sleep 1000\n"
    example.program_file.write_text(text)
    with example.deploy(example.with_(health=UNHEALTHY)) as deploy:
        assert deploy.prepare().facts[example.name].processes(example.name)[0].state == "absent"
        deploy.run("activate")
        deploy.restored()
    assert example.program_file.read_text() == text
    assert example.name not in [one["group"] for one in example.host.rpc.getAllProcessInfo()]


def test_processes_of_a_file_by_hand_run_again_after_a_failed_deploy(example: Example) -> None:
    example.write()
    example.program_file.write_text(f"[program:{example.name}]\ncommand=/bin/sleep 1000\nnumprocs=2\nstartsecs=0\n"
                                    "process_name=%(program_name)s_%(process_num)d\n")
    example.host.rpc.reloadConfig()
    example.host.rpc.addProcessGroup(example.name)
    with pytest.raises(NotReady, match="numprocs"), example.deploy() as deploy:
        deploy.look().plan()
    with example.deploy(example.with_(health=UNHEALTHY)) as deploy:
        deploy.prepare(force=True).run("activate")
        deploy.restored()
    states = {one["name"]: one["statename"] for one in example.host.rpc.getAllProcessInfo()
              if one["group"] == example.name}
    assert set(states) == {f"{example.name}_0", f"{example.name}_1"} and set(states.values()) <= {"RUNNING", "STARTING"}


def test_undo_spares_a_program_that_was_not_restarted(example: Example) -> None:
    before = Before.next_version(example)
    with example.deploy(faults=breaks("restart", "raise ValueError('before it did anything')")) as deploy:
        deploy.prepare().run("activate")
        deploy.restored()
    before.assert_so(same_process=True)


def test_program_runs_on_when_somebody_breaks_another_program_file_during_the_build(example: Example) -> None:
    """supervisord reads all files or none: a program that was stopped could not be started again."""
    example.write()
    example.committed()
    before, broken = Before(example), example.program_file.with_name("broken.conf")
    example.write()
    try:
        with example.deploy() as deploy:
            deploy.prepare()
            broken.write_text("[program:broken]\n")
            deploy.run("activate")
            assert str(broken) in deploy.restored()
    finally:
        broken.unlink()
    before.assert_so(same_process=True)
