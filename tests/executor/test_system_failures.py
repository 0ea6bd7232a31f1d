"""Rare failures of the system: a supervisord that hangs or is on its way out, a lost terminal, locks in the way."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.executor import errors
from tasks.executor.layout import Layout
from tasks.executor.state import locks
from tasks.executor.system import output_lines, processes, shell
from tasks.rollout.recipe import supervised
from tests.executor.conftest import Make
from tests.executor.driver import Example
from tests.executor.place import clone_of
from tests.support.lab import LabHost, wait_for
from tests.support.lab import git as run_git


@contextmanager
def other_socket(example: Example) -> Iterator[tuple[socket.socket, str]]:
    """A unix socket of the test's own, and a supervisord.conf that names it."""
    path, conf = example.host.root / "other.sock", example.host.root / "other.conf"
    conf.write_text(example.host.conf.read_text().replace("supervisor.sock", "other.sock"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        try:
            yield listening, conf.name
        finally:
            path.unlink()


def test_supervisord_that_hangs_is_named_with_a_remedy(example: Example) -> None:
    """It takes the connection and never answers."""
    example.write()
    with other_socket(example) as (_, conf), example.deploy(
            faults="from .supervisor import rpc\nrpc.ANSWER_WITHIN = 0.3\n") as deploy:
        deploy.layout["supervisord_conf"] = conf
        deploy.hello()
        (problem,) = deploy.executor.until("not_ready")["problems"]
    assert "supervisord hangs" in problem["message"] and "supervisord -c" in problem["hint"]
    assert not example.directory.exists()


# It is held up between its fork and its look at what came of it, until that has ended.
LATE = """
import os
from supervisor import process, supervisord
spawned = process.Subprocess._spawn_as_parent
def late(self, pid):
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return spawned(self, pid)
process.Subprocess._spawn_as_parent = late
supervisord.main()
"""


@pytest.mark.promise(8)
@pytest.mark.long
def test_last_words_are_shown_when_a_program_ends_before_supervisord_looks(example: Example) -> None:
    """Its last words are told all the same."""
    host = LabHost(example.work.parent.parent / f"late-{example.name}", "h")
    host.daemon = subprocess.Popen([sys.executable, "-c", LATE, "-n", "-c", str(host.conf)], cwd=host.root,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(host.answers, "supervisord")
        own = Example(host.root.parent, host, "own")
        own.write("echo cannot open the database; exit 7\n")
        with own.deploy() as deploy:
            deploy.prepare().run("activate")
            failed = deploy.executor.until("failed")
            assert failed["step"] == "verify" and "did not stay up" in failed["message"], failed
            output = [one["line"] for one in deploy.executor.heard if one["event"] == "output"]
            assert "cannot open the database" in output
    finally:
        host.stop_supervisord()


STUBBORN = "trap '' TERM\necho deaf\nwhile :; do sleep 0.1; done\n"


def stubborn(example: Example, stopwaitsecs: int) -> str:
    """Deployed and deaf to SIGTERM; the next version is written. Returns the commit that runs."""
    example.write(STUBBORN)
    example.committed(example.with_(program={"startsecs": "0", "stopwaitsecs": str(stopwaitsecs)}))
    log = example.directory / f"logs/{example.name}.log"
    wait_for(lambda: "deaf" in log.read_text(), "the program")
    head = example.head()
    example.write()
    return head


@pytest.mark.long
def test_deploy_waits_as_long_as_the_running_program_may_take_to_stop(example: Example,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, say, before the first deploy: supervisord waits as long as that, and so must a deploy."""
    head = stubborn(example, stopwaitsecs=6)
    monkeypatch.setattr(supervised, "GRACE", 5.0)
    assert example.committed(example.with_(program={"startsecs": "0", "stopwaitsecs": "0"})) != head


def test_program_that_does_not_stop_fails_the_restart(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """supervisord kills it while the way back waits."""
    head = stubborn(example, stopwaitsecs=3)
    monkeypatch.setattr(supervised, "GRACE", -2.9)
    with example.deploy() as deploy:
        deploy.prepare().run("activate")
        failed = deploy.executor.until("failed")
        assert failed["message"] == f"{example.name} did not stop within 2.1 s", failed
        assert "ps -fp" in failed["hint"]
        assert deploy.ending()["event"] == "restored"
    assert example.head() == head and example.info()["statename"] == "RUNNING"


def test_deploy_is_refused_while_supervisord_shuts_down(example: Example) -> None:
    """A real one, which waits for a program that takes its time to stop."""
    host = LabHost(example.work.parent.parent / f"leaving-{example.name}", "h")
    (host.root / "conf.d/slow.conf").write_text(
        f"[program:slow]\ncommand=/bin/bash -c \"trap '' TERM; touch {host.root}/deaf; while :; do sleep 0.1; done\"\n"
        "stopwaitsecs=600\nstopasgroup=false\nkillasgroup=true\n")
    host.start_supervisord()
    assert host.daemon is not None
    wait_for((host.root / "deaf").exists, "the program")
    slow = host.info("slow")["pid"]
    try:
        host.daemon.send_signal(signal.SIGTERM)
        wait_for(lambda: _is_leaving(host), "its end to begin")
        example.write()
        with example.deploy() as deploy:
            deploy.host = host
            deploy.layout["root"] = str(host.root)
            deploy.hello()
            (problem,) = deploy.executor.until("not_ready")["problems"]
    finally:
        os.killpg(slow, signal.SIGKILL)
        host.stop_supervisord()
    assert problem["message"] == "supervisord is shutting down or restarting"
    assert "supervisord -c" in problem["hint"]


def _is_leaving(host: LabHost) -> bool:
    try:
        host.rpc.getState()
        return False
    except xmlrpc.client.Fault as fault:
        return fault.faultString == "SHUTDOWN_STATE"


def test_executor_outlives_sighup_and_its_steps_do_not_ignore_it(example: Example) -> None:
    """SIGHUP, as sshd sends it when the connection goes: the way back must outlive it. Steps are not deaf to it."""
    example.write()
    example.committed()
    head = example.head()
    example.write()
    marker = example.work / "at-it"
    build = ("grep SigIgn /proc/self/status", f"touch {marker}", "sleep 1000")
    with example.deploy(example.with_(build=build)) as deploy:
        deploy.look().plan()
        wait_for(marker.exists, "the build")
        os.kill(deploy.executor.process.pid, signal.SIGHUP)
        deploy.executor.hang_up()
        wait_for(lambda: example.results()[-1:] == ["restored"], "the way back")
        deploy.executor.process.wait(60)
        log = (example.host.root / f".fabvisor/runs/{deploy.id}.log").read_text()
    assert example.head() == head
    (ignored,) = re.findall(r"SigIgn:\s*([0-9a-f]+)", log)
    assert not int(ignored, 16) & (1 << signal.SIGHUP - 1)


@pytest.mark.promise(5)
def test_recovery_changes_nothing_when_a_service_is_locked(example: Example, another: Make) -> None:
    """An interrupted deploy of two services, and somebody holds one of them: try again (75), nothing is touched."""
    other = another()
    example.write()
    other.write()
    with example.deploy(example.service, other.service) as deploy:
        deploy.prepare().executor.kill()
    layout = Layout({"root": str(example.host.root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})
    held = locks.Locks(layout, {"by": "ben@desk"})
    held.take([other.name])
    with example.deploy() as deploy:
        deploy.hello()
        problem = deploy.executor.until("problem", "facts")
    assert problem["kind"] == "try_again"
    assert f"{other.name} is locked by ben@desk" in problem["message"] and "try again" in problem["hint"]
    assert example.directory.exists() and other.directory.exists()
    held.release()
    with example.deploy() as deploy:
        deploy.hello()
        assert deploy.executor.until("locked")["recovered"][0]["result"] == "restored"
    assert not example.directory.exists() and not other.directory.exists()


def test_checkout_fails_when_it_exceeds_its_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, folder = tmp_path / "work", tmp_path / "clone"
    run_git(tmp_path, "init", "--quiet", "--initial-branch=main", "work")
    run_git(work, "commit", "--quiet", "--allow-empty", "--message", "one")
    run_git(tmp_path, "clone", "--quiet", "work", "clone")
    (work / "file").write_text("x")
    run_git(work, "add", "file")
    run_git(work, "commit", "--quiet", "--message", "two")
    commit = run_git(work, "rev-parse", "HEAD")
    clone = clone_of(work, folder)
    clone.remote.fetch(output_lines.silent)
    run_git(folder, "config", "filter.slow.smudge", "sleep 1; cat")
    (folder / ".git/info/attributes").write_text("file filter=slow\n")
    monkeypatch.setattr("tasks.executor.git.clone.SLOW", 0.3)
    with pytest.raises(shell.CommandFailed, match="timed out") as caught:
        clone.checkout(commit, output_lines.silent)
    assert "git -C" in caught.value.hint


def test_step_that_cannot_be_killed_is_named_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """sudo's, or one that hangs in the kernel: it is named, and not waited for for ever."""
    pids: list[int] = []
    monkeypatch.setattr(processes, "end_group", pids.append)        # what SIGKILL does to another user's process
    monkeypatch.setattr(shell, "REAP_WITHIN", 0.2)
    with pytest.raises(shell.CommandFailed, match=r"pid \d+ cannot be ended"):
        shell.run(["sleep", "1000"], cwd="/", env=dict(os.environ), timeout=0.1)
    os.kill(pids[0], signal.SIGKILL)


def test_full_disk_error_names_the_path_and_a_remedy() -> None:
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    error = errors.as_host_error(OSError(caught.value.errno, caught.value.strerror, "/srv/a"))
    assert (error.message, error.hint) == ("/srv/a: No space left on device", "make room on the host: df -h /srv/a; its"
                                           " inodes: df -i /srv/a")
