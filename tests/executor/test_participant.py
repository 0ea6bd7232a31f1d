"""The host's half of a deploy, over pipes: its conversation and its locks. git and supervisord are real."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tasks.executor.system.processes import stat
from tasks.rollout.plan import removal
from tests.executor.conftest import Make
from tests.executor.driver import ENDINGS, UNHEALTHY, Before, Example
from tests.support.lab import git, wait_for

ALL = ["fetch", "checkout", "build", "program", "restart", "verify"]


def test_first_deploy_and_the_next_are_committed(example: Example, python: str) -> None:
    first = example.write()
    with example.deploy(python=python) as deploy:
        ending = deploy.commit()
        assert ending == {"event": "committed", "now": {example.name: first}}
        assert deploy.executor.rest() == [], "one ending, and no more"
        assert deploy.executor.process.wait(60) == 0
        assert [step for step, ok in deploy.executor.steps() if ok] == ALL
    assert example.info()["statename"] == "RUNNING"
    pid = example.info()["pid"]
    second = example.write()
    example.committed()
    assert example.head() == second
    assert example.info()["pid"] != pid
    assert example.results() == ["committed", "committed"]
    assert example.host.leftovers() == []


# By git's own list of what was started, but for those that a git starts itself.
GITS = ["version", "fetch", "log", "status",                                                    # the look
        "rev-list", "diff-index",                                                               # fetch
        "status", "cat-file", "checkout", "status",                                             # checkout
        "status"]                                                                               # the record

# How often supervisord is asked what takes the longer, the more programs a host has: before the plan twice, and once
# by restart, by verify, and after the commit; for the settings before the plan, and before and after the stop.
# It reads its files at the look, before a program is stopped (somebody may have broken one during the build), and with
# the stopped program.
QUESTIONS = {"getAllProcessInfo": 5, "getAllConfigInfo": 3, "reloadConfig": 3}

# What brings much, and is seldom needed; modules and questions to supervisord are noted in HOME.
HEAVY = {"_bz2", "_lzma", "copy", "hashlib", "_hashlib", "socket", "string", "tempfile", "traceback", "urllib.parse",
         "xmlrpc.client", "http.client", "ssl"}

NOTES = """
from .supervisor import rpc

def _note_question(path, credentials, method, *args, call=rpc.call):
    with open(os.path.expanduser("~/questions"), "a") as file:
        file.write(method.partition(".")[2] + " ")
    return call(path, credentials, method, *args)

rpc.call = _note_question

def _note_modules(status, end=os._exit):
    import sys
    with open(os.path.expanduser("~/modules"), "w") as file:
        file.write(" ".join(sys.modules))
    end(status)

os._exit = _note_modules
"""


def test_deploy_of_a_commit_starts_these_gits_and_no_more(example: Example, tmp_path: Path) -> None:
    """Each takes 2 ms, so a further one needs a reason. So do a further part of Python's library, and a further
    question to supervisord.
    """
    example.write()
    example.committed()
    example.write()
    (tmp_path / ".gitconfig").write_text(f"[trace2]\n\teventTarget = {tmp_path}/told\n")
    with example.deploy(HOME=str(tmp_path), faults=NOTES, forked=False) as deploy:
        assert deploy.commit()["event"] == "committed"
        deploy.executor.rest()
        deploy.executor.process.wait()
    assert not HEAVY & {*(tmp_path / "modules").read_text().split()}
    asked = (tmp_path / "questions").read_text().split()
    assert {method: asked.count(method) for method in QUESTIONS} == QUESTIONS
    told = map(json.loads, (tmp_path / "told").read_text().splitlines())
    assert [line["name"] for line in told if line["event"] == "cmd_name" and "/" not in line["sid"]] == GITS


@pytest.mark.promise(2)
def test_failed_build_restarts_nothing(example: Example) -> None:
    before = Before.next_version(example)
    broken = example.with_(build=("cp source built", "echo it broke: Text file busy; exit 7"))
    with example.deploy(broken) as deploy:
        deploy.look().plan()
        failed = deploy.executor.until("failed")
        assert (failed["step"], failed["kind"]) == ("build", "failed")
        assert "7" in failed["message"] and "rename it (mv)" in failed["hint"]
        deploy.restored()
        printed = [one.get("line") for one in deploy.executor.heard if one["event"] == "output"]
        assert "it broke: Text file busy" in printed
    before.assert_so(same_process=True)
    assert example.results() == ["committed", "restored"]


MOVES = [("git checkout --quiet --detach HEAD~1", "in_place"), ("git checkout --quiet --detach HEAD~1", "releases"),
         ("git -c user.name=x -c user.email=x commit -qam x --allow-empty", "in_place"), ("rm -r .git", "in_place")]


@pytest.mark.promise(1)
@pytest.mark.parametrize(("move", "strategy"), MOVES)
@pytest.mark.rows(1)
def test_build_that_leaves_another_commit_fails_and_goes_back(example: Example, move: str, strategy: str) -> None:
    """As the lines of many a pipeline do: `git pull && git checkout develop && go build`."""
    example.write()
    first, pid = example.committed(example.with_(strategy=strategy)), example.info()["pid"]
    example.write()
    with example.deploy(example.with_(strategy=strategy, build=("cp source built", move))) as deploy:
        deploy.look().plan()
        assert "the build left" in deploy.executor.until("failed")["message"]
        deploy.restored()
    assert (example.head(), example.info()["pid"], example.host.leftovers()) == (first, pid, [])
    assert example.committed(example.with_(strategy=strategy)) != first


@pytest.mark.promise(3)
@pytest.mark.parametrize("phase", ["looked", "prepared", "healthy"])
@pytest.mark.parametrize("how", ["abort", "hang up"])
@pytest.mark.rows(3)
def test_deploy_is_undone_when_the_client_gives_up_between_phases(example: Example, phase: str, how: str) -> None:
    example.write()
    with example.deploy() as deploy:
        {"looked": deploy.look, "prepared": deploy.prepare, "healthy": deploy.activate}[phase]()
        if how == "abort":
            deploy.executor.send({"do": "abort", "why": "the client changed its mind"})
        else:
            deploy.executor.hang_up()
        if phase != "looked":
            assert deploy.ending()["event"] == "restored"
        deploy.executor.rest()
    assert not example.directory.exists()
    assert not example.program_file.exists()
    assert example.host.leftovers() == []
    assert example.results() == ([] if phase == "looked" else ["restored"])


@pytest.mark.promise(3)
@pytest.mark.parametrize("step", ["build", "health"])
@pytest.mark.parametrize("how", ["abort", "hang up"])
@pytest.mark.rows(2)
def test_deploy_is_undone_when_the_client_gives_up_within_a_step(example: Example, step: str, how: str) -> None:
    example.write()
    orphan = example.work / "orphan"
    waiting = f"setsid sh -c 'echo $$ >{orphan}; exec sleep 1000' >/dev/null 2>&1 & exec sleep 60"
    service = example.with_(build=(waiting,)) if step == "build" else example.with_(
        health=type(UNHEALTHY)(command=waiting, timeout=60))
    with example.deploy(service) as deploy:
        deploy.look().plan()
        if step == "health":
            deploy.done("prepare")
            deploy.run("activate")
        while deploy.executor.until("step_started")["step"] != step:
            pass
        wait_for(lambda: orphan.exists() and orphan.read_text(), "the orphan")
        begin = time.monotonic()
        if how == "abort":
            deploy.executor.send({"do": "abort", "why": "the client changed its mind"})
        else:
            deploy.executor.hang_up()
        deploy.restored()
        assert time.monotonic() - begin < 30        # the step would have gone on for 60
    assert not example.directory.exists()
    assert stat(int(orphan.read_text())) is None, "what the step left behind, in a session of its own, was ended"


def test_abort_right_behind_the_plan_is_answered(example: Example) -> None:
    """Another host failed at once; this one says how it ended all the same."""
    example.write()
    for _ in range(2):
        with example.deploy() as deploy:
            plan = deploy.look().message()
            deploy.executor.process.send_signal(signal.SIGSTOP)     # both wait for it
            deploy.executor.send(plan)
            deploy.executor.send({"do": "abort", "why": "another host failed"})
            deploy.executor.process.send_signal(signal.SIGCONT)
            deploy.restored()
    assert not example.directory.exists()


@pytest.mark.promise(3)
def test_deploy_is_undone_when_heartbeats_stop(example: Example) -> None:
    example.write()
    with example.deploy(lease=3) as deploy:
        with deploy.beating():
            deploy.prepare()
        ending = deploy.ending()
        assert ending["event"] == "restored"
        assert "was silent for" in ending["why"]


def test_heartbeats_keep_a_long_build_alive(example: Example) -> None:
    example.write()
    gate = example.work / "gate"
    service = example.with_(build=(f"until [ -e {gate} ]; do sleep 0.05; done", "cp source built"))
    with example.deploy(service, lease=3) as deploy, deploy.beating():
        deploy.look().plan()
        lapsed = time.monotonic() + 3.3
        wait_for(lambda: time.monotonic() > lapsed, "what would be the end of the lease")
        gate.touch()
        deploy.done("prepare")


@pytest.mark.promise(3)
def test_commit_after_the_lease_is_answered_restored(example: Example) -> None:
    example.write()
    with example.deploy(lease=3) as deploy:
        with deploy.beating():
            deploy.prepare()
        deploy.executor.process.send_signal(signal.SIGSTOP)         # the host was frozen for longer than the lease
        lapsed = time.monotonic() + 3.3
        wait_for(lambda: time.monotonic() > lapsed, "the lease")
        deploy.run("activate")
        deploy.executor.send({"do": "commit"})
        deploy.executor.process.send_signal(signal.SIGCONT)
        deploy.restored()
        assert deploy.executor.steps()[-1][0].startswith("undo")
    assert not example.directory.exists()


@pytest.mark.promise(5)
def test_second_deploy_is_told_who_holds_the_lock(example: Example) -> None:
    commit = example.write()
    with example.deploy() as first, example.deploy() as second:
        first.prepare()
        second.hello()
        refused = second.executor.until("refused", "locked")
        assert refused["event"] == "refused"
        holder = refused["holder"]
        assert {key: holder[key] for key in ("by", "command", "since", "deploy")} == {
            "by": "ann@laptop", "command": "deploy", "since": "2026-01-01T00:00:00Z", "deploy": first.id}
        assert holder["commit"] == {example.name: commit}
        first.executor.kill()
        second.executor.send({"do": "retry"})
        assert second.executor.until("refused", "locked")["event"] == "locked"


@pytest.mark.promise(5)
def test_unlock_releases_and_retry_takes_again(example: Example) -> None:
    example.write()
    with example.deploy() as first, example.deploy() as second:
        first.look().executor.send({"do": "unlock"})
        wait_for(lambda: (example.state / "lock").read_text() == "", "unlocked")
        second.look().executor.send({"do": "end"})
        assert second.executor.until("end", "problem")["event"] == "end"
        second.executor.rest()
        first.executor.send({"do": "retry"})
        first.executor.until("facts")


@pytest.mark.parametrize("moment", ["refused", "looked", "prepared", "reading"])
def test_conversation_has_one_ending_when_the_client_aborts(example: Example, moment: str) -> None:
    example.write()
    with example.deploy() as other, example.deploy() as deploy:
        if moment == "refused":
            other.look()
            deploy.hello()
            deploy.executor.until("refused")
        elif moment == "reading":
            deploy.hello("status", watch=True)
            deploy.executor.until("looked")
        else:
            deploy.look() if moment == "looked" else deploy.prepare()
        deploy.executor.send({"do": "abort", "why": "another host failed"})
        deploy.executor.rest()
        endings = [one["event"] for one in deploy.executor.heard if one["event"] in (*ENDINGS, "problem")]
        assert endings == ["end" if moment == "reading" else "restored"]


@pytest.mark.promise(5)
def test_steps_inherit_no_lock(example: Example) -> None:
    example.write()
    with example.deploy(example.with_(build=("cp source built", "ls -l /proc/self/fd"))) as deploy:
        deploy.prepare()
        lines = [one["line"] for one in deploy.executor.heard if one["event"] == "output" and one["step"] == "build"]
    assert any("/dev/null" in line for line in lines)
    assert not [line for line in lines if ".fabvisor" in line]


@pytest.mark.promise(3)
def test_two_services_are_committed_or_undone_together(example: Example, another: Make) -> None:
    other = another()
    example.write()
    other.write()
    services = (example.service, other.with_(health=UNHEALTHY))
    with example.deploy(*services) as deploy:
        deploy.prepare()
        assert [step for step, _ in deploy.executor.steps()] == [
            "fetch", "fetch", "checkout", "checkout", "build", "build"]
        deploy.run("activate")
        assert deploy.executor.until("failed")["step"] == f"{other.name}: health"
        deploy.restored()
    assert not example.directory.exists() and not other.directory.exists()
    assert example.results() == other.results() == ["restored"]
    assert example.host.leftovers() == []


# At the end of executor/main.py: what changes what supervisord has fails where nobody holds the lock of that host.
GUARDED = """
import fcntl
from .supervisor.supervisord import Supervisord
from .supervisor.supervisord_access import SupervisordAccess

def guarded(real):
    def call(self, *args):
        with open(%r) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return real(self, *args)
        raise OSError(real.__name__ + " without the lock")
    return call

for owner, name in ((SupervisordAccess, "write_program"), (SupervisordAccess, "remove_program"),
                    (Supervisord, "add")):
    setattr(owner, name, guarded(getattr(owner, name)))
"""


def test_lock_of_supervisord_is_held_while_program_files_change_and_groups_are_added(example: Example) -> None:
    """Other deploys share it. On the way back, too, where the first deploy is undone, and when it is removed."""
    faults = GUARDED % str(example.host.root / ".fabvisor/supervisord.lock")
    example.write()
    with example.deploy(example.with_(health=UNHEALTHY), faults=faults) as deploy:
        deploy.prepare().run("activate").restored()
    example.committed(faults=faults)
    with example.deploy(example.with_(program={"priority": "5"}, health=UNHEALTHY), faults=faults) as deploy:
        deploy.prepare().run("activate").restored()
    with example.deploy(faults=faults) as deploy:
        assert deploy.commit(planner=removal.planner(purge=False))["event"] == "committed"


@pytest.mark.promise(5)
def test_symlinked_root_shares_its_locks(example: Example) -> None:
    example.write()
    link = example.host.root.parent / "link"
    if not link.is_symlink():
        link.symlink_to(example.host.root)
    with example.deploy() as deploy, example.deploy() as other:
        deploy.layout["root"] = str(link)
        deploy.look()
        other.hello()
        assert other.executor.until("refused", "locked")["event"] == "refused"
        other.executor.end()
        deploy.plan().done("prepare")
        deploy.run("activate")
        deploy.done("activate")
        deploy.executor.send({"do": "commit"})
        deploy.ends("committed")
    assert example.host.leftovers() == []


def test_root_may_begin_with_a_tilde(example: Example) -> None:
    example.write()
    with example.deploy(HOME=str(example.host.root.parent)) as deploy:
        deploy.layout["root"] = "~/" + example.host.root.name
        assert deploy.look().facts[example.name].directory == str(example.directory)


def test_git_variables_of_the_login_shell_are_ignored(example: Example, home: Path, tmp_path: Path) -> None:
    commit = example.write()
    git(tmp_path, "init", "--quiet", "stranger")
    stranger = tmp_path / "stranger"
    (home / ".profile").write_text(f"export GIT_DIR={stranger}/.git GIT_WORK_TREE={stranger} GIT_INDEX_FILE=/x\n")
    (home / ".gitconfig").write_text("[core]\nautocrlf = input\n[color]\nui = always\n[gc]\nauto = 1\n")
    with example.deploy() as deploy:
        deploy.prepare().executor.send({"do": "abort"})
        deploy.restored()
    (home / ".profile").write_text("export FROM_PROFILE=yes\n")
    with example.deploy(example.with_(build=("cp source built", "echo $FROM_PROFILE"))) as deploy:
        deploy.prepare().run("activate")
        deploy.done("activate")
        deploy.executor.send({"do": "commit"})
        deploy.ends("committed")
        assert "yes" in [one.get("line") for one in deploy.executor.heard]
    (home / ".profile").unlink()
    (home / ".gitconfig").unlink()
    assert example.head() == commit
