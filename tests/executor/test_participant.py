"""A deploy on one host, over pipes: a real git repository, a real supervisord."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from unittest.mock import ANY

import pytest

from tasks._errors import NotReady
from tasks.inventory.model import Health, Hook
from tests.executor.conftest import Make
from tests.executor.driver import ENDINGS, UNHEALTHY, Deploy, Example, with_files
from tests.executor.test_releases import DIE_AT
from tests.support.lab import LabHost, git, stands_in, wait_for

ALL = ["fetch", "checkout", "build", "program", "restart", "verify"]


class Before:
    """The state that an undo must bring back."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.pid = example.info()["pid"]
        self.seen = self._look()

    def _look(self) -> list[object]:
        one = self.example
        return [one.head(), (one.directory / "built").read_text(), one.program_file.read_text(),
                (one.state / "env").read_text(), one.info()["statename"]]

    def assert_so(self, same_process: bool | None = None) -> None:
        assert self._look() == self.seen
        assert self.example.host.leftovers() == []
        if same_process is not None:
            assert (self.example.info()["pid"] == self.pid) is same_process


def ends(deploy: Deploy, ending: str = "restored") -> None:
    assert deploy.ending()["event"] == ending, deploy.executor.heard[-5:]
    deploy.executor.rest()


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
GITS = ["version", "fetch", "for-each-ref", "log", "status", "ls-files",                        # the look
        "config", "rev-list", "diff-index",                                                     # fetch
        "status", "cat-file", "checkout", "status", "ls-files",                                 # checkout
        "status"]                                                                               # the record


# How often supervisord is asked what takes the longer, the more programs a host has: before the plan twice, and once
# by restart, by verify, and after the commit; for the settings before the plan, and before and after the stop.
QUESTIONS = {"getAllProcessInfo": 5, "getAllConfigInfo": 3, "reloadConfig": 2}
# What brings much, and is seldom needed; modules and questions to supervisord are noted in HOME.
HEAVY = {"_bz2", "_lzma", "hashlib", "_hashlib", "socket", "tempfile", "traceback", "urllib.parse", "xmlrpc.client",
         "http.client", "ssl"}
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
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    broken = example.with_(build=("cp source built", "echo it broke; exit 7"))
    with example.deploy(broken) as deploy:
        deploy.look().plan()
        failed = deploy.executor.until("failed")
        assert (failed["step"], failed["kind"]) == ("build", "failed")
        assert "7" in failed["message"]
        ends(deploy)
        assert "it broke" in [one.get("line") for one in deploy.executor.heard if one["event"] == "output"]
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
        ends(deploy)
    assert (example.head(), example.info()["pid"], example.host.leftovers()) == (first, pid, [])
    assert example.committed(example.with_(strategy=strategy)) != first


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_what_somebody_does_after_a_deploy_was_cut_off_is_kept(example: Example, strategy: str) -> None:
    example.service = example.with_(strategy=strategy)
    example.write()
    first = example.committed()
    example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    tree = example.directory / "current" if strategy == "releases" else example.directory
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "mine")
    mine = git(tree, "rev-parse", "HEAD")
    (tree / "source").write_text("mine")
    (Path(git(tree, "rev-parse", "--absolute-git-dir")) / "index.lock").touch()         # of a git that was killed
    with example.deploy() as deploy:
        deploy.look()
        stashed, kept = [message["message"] for message in deploy.executor.heard if message["event"] == "notice"]
    assert "git's stash now: M source" in " ".join(stashed.split())
    assert example.head() == first
    assert git(example.directory, "show", "stash@{0}:source") == "mine"
    assert git(example.directory, "rev-parse", kept.rpartition(" ")[2]) == mine


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_what_somebody_does_while_a_deploy_is_on_its_way_is_kept(example: Example, strategy: str) -> None:
    """What its build changed in a tracked file is not kept: each deploy that goes back would leave a stash."""
    example.service = example.with_(strategy=strategy, build=("echo built >>other", "cp source built"))
    example.write(other="")
    first = example.committed()
    for edits in (False, True):
        example.write(other="")
        with example.deploy() as deploy:
            deploy.activate()
            tree = example.directory / "current" if strategy == "releases" else example.directory
            if edits:
                git(tree, "commit", "--quiet", "--allow-empty", "--message", "mine")
                (tree / "source").write_text("mine")
                mine = git(tree, "rev-parse", "HEAD")
            deploy.executor.send({"do": "abort", "why": "enough", "reached": True})
            deploy.restored()
            told = " ".join(message["message"] for message in deploy.executor.heard if message["event"] == "notice")
        assert ("git's stash now: " in told, "M source" in told, "other" in told) == (edits, edits, False)
        assert bool(git(example.directory, "stash", "list")) == edits and example.head() == first
    assert git(example.directory, "show", "stash@{0}:source") == "mine"
    assert git(example.directory, "for-each-ref", "--contains", mine, "refs/fabvisor/set-aside")


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_first_deploy_that_goes_back_leaves_the_repository_where_somebody_edited(example: Example, strategy: str
                                                                               ) -> None:
    example.service = example.with_(strategy=strategy)
    example.write()
    with example.deploy() as deploy:
        deploy.activate()
        tree = example.directory / "current" if strategy == "releases" else example.directory
        (tree / "source").write_text("mine")
        deploy.executor.send({"do": "abort", "why": "enough", "reached": True})
        deploy.restored()
    assert [path.name for path in example.directory.iterdir() if path.name != "logs"] == [".git"]
    example.committed()
    assert git(example.directory, "show", "stash@{0}:source") == "mine"


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_what_somebody_edits_while_a_deploy_is_on_its_way_is_an_edit_for_the_next(example: Example, strategy: str
                                                                                  ) -> None:
    """What its build and its hooks changed is none."""
    hook = {"before_activate": (Hook(run=("echo hook >>other",)),)}
    example.service = with_files(example.with_(
        strategy=strategy, build=("echo built >>source; echo built >>a", "cp source built"), hooks=hook), a="1", b="1")
    tree = example.directory / "current" if strategy == "releases" else example.directory
    for edits in (False, True):
        example.write(other="")
        with example.deploy() as deploy:
            deploy.activate()
            if edits:
                (tree / "source").write_text("mine")
                (tree / "b").write_text("mine")
            deploy.executor.send({"do": "commit"})
            assert deploy.ending()["event"] == "committed"
            deploy.executor.rest()
    with example.deploy() as deploy:
        facts = deploy.look().facts[example.name]
        edited = [path for path, file in facts.files.items() if file.sha256 != file.written]
        assert (facts.edited, edited) == ([" M source"], ["b"])


def test_what_a_program_writes_while_it_starts_is_no_edit_for_the_next(example: Example) -> None:
    """As npm writes package-lock.json. The health check passes once the clock of the disk has gone on."""
    source = "echo started > lock; echo started > a; exec sleep 1000\n"
    health = Health(command="grep -q started a && touch probe && [ probe -nt lock ] && [ probe -nt a ]", timeout=60)
    service = with_files(example.with_(health=health), a="1")
    example.write(source, lock="")
    example.committed(service)
    example.write(source)
    with example.deploy(service) as deploy:
        facts = deploy.look().facts[example.name]
        assert (facts.edited, example.host.history(example.name)[-1]["left"]) == ([], {" M lock": ANY})
        deploy.plan().done("prepare")


@pytest.mark.promise(11)
@pytest.mark.long
def test_nothing_is_undone_where_what_somebody_edited_cannot_be_kept(example: Example) -> None:
    """As on a full disk. Here git cannot make its stash, for a reference stands in the way."""
    example.write()
    first = example.committed()
    example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    (example.directory / "source").write_text("mine")
    git(example.directory, "update-ref", "refs/stash/other", "HEAD")
    with example.deploy() as deploy:
        deploy.hello()
        assert "cannot be kept, so nothing is undone" in deploy.executor.until("problem")["message"]
    assert (example.directory / "source").read_text() == "mine"
    git(example.directory, "update-ref", "-d", "refs/stash/other")
    with example.deploy() as deploy:
        deploy.look()
    assert example.head() == first
    assert git(example.directory, "show", "stash@{0}:source") == "mine"


@pytest.mark.long
def test_edits_stay_as_they_are_where_nothing_is_undone(example: Example) -> None:
    example.write()
    example.committed()
    (example.directory / "source").write_text("mine")
    example.write()
    with example.deploy(faults=DIE_AT % {"action": "fetch", "before": False}) as deploy:
        deploy.look().plan(set_aside=True).executor.rest()
    with example.deploy() as deploy:
        deploy.look()
        assert "notice" not in [message["event"] for message in deploy.executor.heard]
    assert (example.directory / "source").read_text() == "mine"


@pytest.mark.parametrize("is_cut_off", [False, pytest.param(True, marks=pytest.mark.long)])
def test_git_that_somebody_runs_is_waited_for(example: Example, is_cut_off: bool) -> None:
    """A lock of a git that lives is no leftover, also where a deploy is to be undone first."""
    example.write()
    first = example.committed()
    if is_cut_off:
        example.write()
        with example.deploy() as deploy:
            deploy.prepare().executor.kill()
    lock = example.directory / ".git/index.lock"
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=example.directory, stdin=subprocess.PIPE) as theirs:
        lock.touch()
        with example.deploy() as deploy:
            deploy.hello()
            refused = deploy.executor.until("problem")
        assert (refused["kind"], lock.exists()) == ("try_again", True)
        assert "somebody runs git" in refused["message"]
        theirs.communicate(b"")
    with example.deploy() as deploy:
        deploy.look()
    assert example.head() == first


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
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    with example.deploy(faults=AWAY_TWICE) as deploy:
        deploy.activate().executor.send({"do": "abort", "why": "enough", "reached": True})
        ends(deploy)
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
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    with example.deploy(example.with_(build=("cp source built", "rm -r logs; echo x > logs"))) as deploy:
        deploy.look().plan().done("prepare").run("activate")
        assert "logs is no folder" in deploy.executor.until("failed")["message"]
        ends(deploy)
    before.assert_so(same_process=True)
    (example.directory / "logs").rmdir()
    (example.directory / "logs").write_text("x")
    with example.deploy() as deploy:
        deploy.hello()
        (found,) = deploy.executor.until("not_ready")["problems"]
    assert found["hint"].startswith("move it away on the host: mv ")


@pytest.mark.promise(11)
@pytest.mark.long
def test_link_of_the_logs_to_a_disk_that_went_away_is_kept(example: Example, tmp_path: Path) -> None:
    example.write()
    example.committed()
    logs, disk = example.directory / "logs", tmp_path / "disk"
    logs.rename(disk)
    logs.symlink_to(disk)
    example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    disk.rename(tmp_path / "away")
    with example.deploy() as deploy:
        deploy.look()
    assert logs.is_dir() and not logs.is_symlink()
    (kept,) = example.directory.glob("logs.*")
    assert os.readlink(kept) == str(disk)


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
        ends(deploy)
    before.assert_so()
    assert example.results() == ["committed", "restored"]


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
    waiting = "echo waiting; exec sleep 60"
    service = example.with_(build=(waiting,)) if step == "build" else example.with_(
        health=type(UNHEALTHY)(command=waiting, timeout=60))
    with example.deploy(service) as deploy:
        deploy.look().plan()
        if step == "health":
            deploy.done("prepare")
            deploy.run("activate")
        while deploy.executor.until("step_started")["step"] != step:
            pass
        begin = time.monotonic()
        if how == "abort":
            deploy.executor.send({"do": "abort", "why": "the client changed its mind"})
        else:
            deploy.executor.hang_up()
        ends(deploy)
        assert time.monotonic() - begin < 30        # the step would have gone on for 60
    assert not example.directory.exists()


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
            ends(deploy)
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
        ends(deploy)
        assert deploy.executor.steps()[-1][0].startswith("undo")
    assert not example.directory.exists()


@pytest.mark.promise(4)
@pytest.mark.parametrize("phase", ["healthy", "prepared"])
@pytest.mark.rows(1)
def test_next_executor_undoes_what_a_power_cut_left(example: Example, python: str, phase: str) -> None:
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    with example.deploy(example.with_(variables={"WHO": "y"}), python=python) as deploy:
        (deploy.prepare if phase == "prepared" else deploy.activate)()
        deploy.executor.kill()
    with example.deploy(python=python) as deploy:
        deploy.hello()
        (left,) = deploy.executor.until("locked")["recovered"]
        assert (left["result"], left["by"], left["services"]) == ("restored", "ann@laptop", [example.name])
        before.assert_so(same_process=phase == "prepared")
    assert example.results() == ["committed", "restored"]


@pytest.mark.promise(4)
def test_orphan_of_a_killed_build_is_ended_before_the_undo(example: Example) -> None:
    """Its orphan is ended before the tree is touched."""
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    orphan = example.work / "orphan"
    slow = example.with_(build=(f"setsid sh -c 'echo $$ >{orphan}.new; mv {orphan}.new {orphan}; exec sleep 1000' &",
                                "exec sleep 1000"))
    with example.deploy(slow) as deploy:
        deploy.look().plan()
        wait_for(orphan.exists, "the orphan")
        deploy.executor.kill()
    assert _lives(int(orphan.read_text()))
    with example.deploy() as deploy:                 # nobody inherited the lock either
        deploy.hello()
        assert deploy.executor.until("locked", "refused")["recovered"][0]["result"] == "restored"
    assert not _lives(int(orphan.read_text()))
    before.assert_so(same_process=True)


DIE = """
import os, shutil
from .disk import files
left = [%d]
def dying(real):
    def remove(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        return real(*args, **kwargs)
    return remove
files.remove = dying(files.remove)
shutil.rmtree = dying(shutil.rmtree)
"""


@pytest.mark.promise(4)
@pytest.mark.parametrize("removals", [0, 1, 2])
@pytest.mark.rows(1)
def test_next_executor_finishes_an_interrupted_undo(example: Example, removals: int) -> None:
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    with example.deploy(example.with_(build=("exit 1",)), faults=DIE % removals) as deploy:
        deploy.look().plan()
        deploy.executor.rest()
    with example.deploy() as deploy:
        deploy.look()
    before.assert_so()


@pytest.mark.promise(4)
@pytest.mark.parametrize("removals", [0, 1])
@pytest.mark.rows(1)
def test_commit_stands_when_killed_before_the_journal_was_removed(example: Example, removals: int) -> None:
    example.write()
    example.committed()
    second = example.write()
    with example.deploy(faults=DIE % removals) as killed:
        killed.activate().executor.send({"do": "commit"})
        killed.executor.rest()
    assert example.results() == ["committed", "committed"]
    pid = example.info()["pid"]
    with example.deploy() as deploy:
        deploy.hello("ask", deploy=killed.id, timeout=1)
        ending = deploy.executor.until("outcome")
        assert (ending["result"], ending["due"]) == ("committed", False)
    with example.deploy() as deploy:
        deploy.hello("status")
        assert deploy.executor.until("facts")["services"][example.name]["due"] == []        # nothing to undo
    with example.deploy() as deploy:
        deploy.look()
    assert (example.head(), example.info()["pid"]) == (second, pid)
    assert example.results() == ["committed", "committed"]
    assert example.host.leftovers() == []


@pytest.mark.promise(4)
def test_unnamed_journal_is_removed_by_the_next_command(example: Example, another: Make) -> None:
    """The next command removes files that a deploy left aside; those of a deploy at work stay."""
    example.write()
    example.committed()
    other = another()
    other.write()
    journals = example.host.root / ".fabvisor/journal"
    with other.deploy() as at_work:
        at_work.look()
        theirs = journals / f".{at_work.id}.json.fabvisor.new"
        for path in (theirs, journals / ".20200101-000000-abcdef.json.new", example.state / ".env.new"):
            path.touch()
        example.committed()
        assert list(journals.iterdir()) == [theirs]
    assert not (example.state / ".env.new").exists()
    theirs.unlink()


BREAK = """
from . import steps
from .disk import files
def broken(ctx, args):
    %s
steps.ACTIONS[%r] = broken
"""


@pytest.mark.promise(3)
@pytest.mark.parametrize("error", [
    "raise OSError(28, 'No space left on device')", "raise UnicodeError('odd')",
    "import xmlrpc.client; raise xmlrpc.client.Fault(91, 'STILL_RUNNING')", "return ctx.nothing"])
@pytest.mark.rows(1)
def test_any_error_in_a_step_is_undone(example: Example, error: str) -> None:
    example.write()
    with example.deploy(faults=BREAK % (error, "build")) as deploy:
        deploy.look().plan()
        assert deploy.executor.until("failed")["step"] == "build"
        ends(deploy)
    assert not example.directory.exists()
    assert example.host.leftovers() == []


@pytest.mark.parametrize("error", ["OSError(28, 'No space left on device')"])
def test_failed_undo_keeps_the_journal_and_says_what_to_type(example: Example, error: str) -> None:
    example.write()
    faults = BREAK % ("raise ValueError", "build") + BREAK % ("raise " + error, "remove_clone")
    with example.deploy(faults=faults) as deploy:
        deploy.look().plan()
        assert deploy.executor.until("problem")["kind"] == "needs_person"
    with example.deploy() as deploy:                # that was put right: the next command finishes it
        deploy.hello()
        assert deploy.executor.until("locked")["recovered"][0]["result"] == "restored"
    assert not example.directory.exists()


@pytest.mark.promise(3)
def test_full_disk_at_the_commit_is_undone(example: Example) -> None:
    example.write()
    example.committed()
    before = Before(example)
    example.write()
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
        ends(deploy)
    before.assert_so()


@pytest.mark.promise(3)
def test_unwritable_program_file_is_undone(example: Example) -> None:
    """No fault injected: something is in the way on the real disk."""
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    obstacle = example.program_file.with_name(f".{example.name}.conf.fabvisor.new")
    obstacle.mkdir()
    with example.deploy(example.with_(run_mode="other")) as deploy:
        deploy.prepare().run("activate")
        assert deploy.executor.until("failed")["step"] == "program"
        ends(deploy)
    obstacle.rmdir()
    before.assert_so(same_process=True)


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
        ends(deploy)
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
    """Other deploys share it. On the way back, too, and where the first deploy is undone."""
    faults = GUARDED % str(example.host.root / ".fabvisor/supervisord.lock")
    example.write()
    with example.deploy(example.with_(health=UNHEALTHY), faults=faults) as deploy:
        deploy.prepare().run("activate").restored()
    example.committed(faults=faults)
    with example.deploy(example.with_(program={"priority": "5"}, health=UNHEALTHY), faults=faults) as deploy:
        deploy.prepare().run("activate").restored()


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
        ends(deploy)
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
        ends(deploy)
    before.assert_so()


@pytest.mark.long
def test_failed_repair_of_a_broken_program_can_be_repeated(example: Example) -> None:
    """The version before cannot run: a failed deploy of its repair must not be the last one possible."""
    example.write()
    example.program_file.write_text(f"[program:{example.name}]\ncommand=/no/such\nautostart=false\n")
    example.host.rpc.reloadConfig()
    example.host.rpc.addProcessGroup(example.name)
    with example.deploy(example.with_(health=UNHEALTHY)) as deploy:
        deploy.prepare(force=True).run("activate")
        ends(deploy)
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
        ends(deploy)
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
        ends(deploy)
    states = {one["name"]: one["statename"] for one in example.host.rpc.getAllProcessInfo()
              if one["group"] == example.name}
    assert set(states) == {f"{example.name}_0", f"{example.name}_1"} and set(states.values()) <= {"RUNNING", "STARTING"}


def test_edits_made_after_the_lock_are_refused_by_the_checkout(example: Example) -> None:
    """Made after the look and before the checkout: refused, and still there."""
    example.write(notes="a\n")
    example.committed()
    example.write(notes="b\n")
    with example.deploy() as deploy:
        deploy.look()
        (example.directory / "notes").write_text("precious\n")
        deploy.plan()
        failed = deploy.executor.until("failed")
        assert "notes" in failed["message"] and failed["kind"] == "not_ready"
        ends(deploy)
    assert (example.directory / "notes").read_text() == "precious\n"


@pytest.mark.parametrize("end", ["commit", "abort"])
@pytest.mark.rows(1)
def test_set_aside_stashes_edits_and_undo_restores_them(example: Example, home: Path, end: str) -> None:
    example.write(notes="a\n")
    example.committed()
    (example.directory / "notes").write_text("precious\n")
    (home / ".gitconfig").write_text("[log]\ndate = iso\n[status]\nshortBranch = true\nbranch = true\n")
    example.write(notes="b\n")
    with example.deploy() as deploy:
        deploy.look().plan(set_aside=True)
        deploy.done("prepare")
        if end == "commit":
            deploy.run("activate")
            deploy.done("activate")
        deploy.executor.send({"do": end})
        ends(deploy, "committed" if end == "commit" else "restored")
    (home / ".gitconfig").unlink()
    if end == "commit":
        assert (example.directory / "notes").read_text() == "b\n"
        assert deploy.id in git(example.directory, "stash", "list")
    else:
        assert (example.directory / "notes").read_text() == "precious\n"
        assert git(example.directory, "stash", "list") == ""


@pytest.mark.promise(4)
@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock"])
@pytest.mark.rows(1)
def test_stale_locks_of_git_are_removed_by_the_next_command(example: Example, lock: str) -> None:
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    with example.deploy() as deploy:
        deploy.prepare().executor.kill()
    (example.directory / ".git" / lock).touch()
    with example.deploy() as deploy:
        deploy.look()
    before.assert_so()


@pytest.mark.promise(4)
def test_recovery_uses_the_paths_of_the_journal(example: Example) -> None:
    """hosts.yaml was changed between the power cut and the next command."""
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    with example.deploy(example.with_(run_mode="other")) as deploy:
        deploy.activate().executor.kill()
    elsewhere = example.host.root / "elsewhere.d"
    elsewhere.mkdir(exist_ok=True)
    with example.deploy() as deploy:
        deploy.layout["program_dir"] = "elsewhere.d"
        deploy.hello()
        deploy.executor.until("locked")
    before.assert_so()
    assert not list(elsewhere.iterdir())


def test_undo_spares_a_program_that_was_not_restarted(example: Example) -> None:
    example.write()
    example.committed()
    before = Before(example)
    example.write()
    with example.deploy(faults=BREAK % ("raise ValueError('before it did anything')", "restart")) as deploy:
        deploy.prepare().run("activate")
        ends(deploy)
    before.assert_so(same_process=True)


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
        ends(deploy, "committed")
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
        ends(deploy)
    (home / ".profile").write_text("export FROM_PROFILE=yes\n")
    with example.deploy(example.with_(build=("cp source built", "echo $FROM_PROFILE"))) as deploy:
        deploy.prepare().run("activate")
        deploy.done("activate")
        deploy.executor.send({"do": "commit"})
        ends(deploy, "committed")
        assert "yes" in [one.get("line") for one in deploy.executor.heard]
    (home / ".profile").unlink()
    (home / ".gitconfig").unlink()
    assert example.head() == commit


def test_flood_of_output_keeps_memory_bounded(example: Example) -> None:
    example.write()
    one_line = "head -c 20000000 /dev/zero | tr '\\0' 'x'; echo"
    with example.deploy(example.with_(build=("seq 1 10000", one_line, "cp source built"))) as deploy:
        deploy.prepare()
        status = Path(f"/proc/{deploy.executor.process.pid}/status").read_text()
        assert int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) < 40_000
    assert "10000" in (example.host.root / f".fabvisor/runs/{deploy.id}.log").read_text()


@pytest.mark.promise(8)
def test_failing_build_that_prints_too_fast_still_says_why(example: Example) -> None:
    """Lines in the middle are left out, and counted; the last lines and the end of the step are not."""
    example.write()
    marker = example.work / "printed"
    build = (f"seq 1 30000; touch {marker}; echo the reason; exit 9",)
    with example.deploy(example.with_(build=build)) as deploy:
        plan = deploy.look().message()
        deploy.executor.reading.clear()
        deploy.executor.send(plan)
        wait_for(marker.exists, "the build")
        deploy.executor.reading.set()
        finished = deploy.executor.until("failed", "restored")
        assert finished["event"] == "failed"
    build_events = [one for one in deploy.executor.heard if one.get("step") == "build"]
    end = next(one for one in build_events if one["event"] == "step_finished")
    assert (end["ok"], end["why"]) == (False, "exit status 9")
    lines = [one["line"] for one in build_events if one["event"] == "output"]
    assert lines[-1] == "the reason"
    gaps = [line for line in lines if "left out" in line]           # several, where the link had room in between
    assert gaps and len(lines) - len(gaps) + sum(int(gap.split()[1]) for gap in gaps) == 30_001


def test_run_logs_are_bounded_in_total(example: Example) -> None:
    example.write()
    example.committed()
    example.write()
    runs = example.host.root / ".fabvisor/runs"
    for number in range(4):
        (runs / f"20200101-00000{number}-abcdef.log").write_bytes(b"x" * 100)
    faults = "from .transaction import eventlog\neventlog.LARGEST_RUN = 200\neventlog.LARGEST_RUNS = 420\n"
    with example.deploy(faults=faults) as deploy:
        deploy.prepare(force=True)
    old = sorted(path.name for path in runs.glob("2020*"))
    assert len(old) < 3 and old == sorted(old)[-len(old):]


def test_slow_disk_is_reported_while_it_is_waited_for(example: Example, home: Path, tmp_path: Path) -> None:
    """The build is synced before a line refers to it; an error of the disk is reported, and ends no deploy."""
    (tmp_path / "sync").write_text(f"""#!/bin/sh
while [ ! -e {tmp_path}/go ]; do sleep 0.02; done
echo "sync: error syncing '$2': Input/output error"
exit 1
""")
    (tmp_path / "sync").chmod(0o755)
    (home / ".profile").write_text(f"export PATH={tmp_path}:$PATH\n")
    example.write()
    with example.deploy() as deploy:
        deploy.look().plan()
        (home / ".profile").unlink()
        waits = deploy.executor.until("host_state")
        assert (waits["state"], waits["detail"]) == ("waiting", "for the disk (up to 120 s)")
        (tmp_path / "go").touch()
        notice = deploy.executor.until("notice")
        assert notice["level"] == "warning" and "could lose what was built" in notice["message"]
        assert "Input/output error" in notice["message"]
        deploy.executor.until("done")
        deploy.run("activate").done("activate").executor.send({"do": "commit"})
        ends(deploy, "committed")


def test_status_logs_and_outcome_can_be_queried_after_a_deploy(example: Example, python: str) -> None:
    commit = example.write("echo hello from it; exec sleep 1000\n")
    example.committed()
    with example.deploy(python=python) as deploy:
        deploy.hello("status")
        found = deploy.executor.until("facts")["services"][example.name]
        state = found["programs"][example.name][0]["state"]
        assert (found["commit"], found["started_from"], state) == (commit, commit, "RUNNING")
        assert (found["holder"], found["due"], found["edited"], found["obstacles"]) == ({}, [], [], [])
        assert deploy.executor.rest()[-1]["event"] == "end"
    wait_for(lambda: "hello" in (example.directory / f"logs/{example.name}.log").read_text(), "the log")
    with example.deploy(python=python) as deploy:
        deploy.hello("logs", lines=5)
        assert deploy.executor.until("log")["line"] == "hello from it"
    with example.deploy(python=python) as deploy:
        deploy.hello("ask", deploy="never heard of", timeout=1)
        ending = deploy.executor.until("outcome")
        assert (ending["result"], ending["busy"], ending["due"], ending["now"]) == (None, False, False, commit)


@pytest.mark.long
def test_status_shows_the_other_services_when_one_clone_is_broken(example: Example, another: Make) -> None:
    other = another()
    example.write()
    other.write()
    example.committed(example.service, other.service)
    (example.directory / ".git/index").write_text("rubbish")
    with example.deploy(example.service, other.service) as deploy:
        deploy.hello("status")
        deploy.executor.rest()
        names = [name for one in deploy.executor.heard if one["event"] == "facts" for name in one["services"]]
        assert other.name in names


def test_status_names_the_running_deploy(example: Example) -> None:
    example.write()
    with example.deploy() as deploy, example.deploy() as look:
        deploy.prepare()
        look.hello("status")
        found = look.executor.until("facts")["services"][example.name]
        assert found["holder"]["deploy"] == deploy.id
        assert found["due"] == [deploy.id]


@pytest.mark.parametrize("text", [b"[program:zz]\n", b"[program:zz]\ncommand=sleep 9 ; f\xfcr uns\n"])
def test_broken_file_of_another_program_refuses_the_deploy(example: Example, text: bytes) -> None:
    example.write()
    broken = example.host.root / "conf.d/zz-broken.conf"
    broken.write_bytes(text)
    try:
        with example.deploy() as deploy:
            deploy.hello()
            problems = deploy.executor.until("not_ready")["problems"]
            assert "zz" in problems[0]["message"]
    finally:
        broken.unlink()
    assert not example.directory.exists()


def test_program_defined_in_another_file_is_refused(example: Example) -> None:
    example.write()
    stranger = example.host.root / "conf.d/stranger.conf"
    stranger.write_text(f"; a comment\n[program:{example.name}]\ncommand=/bin/true\n")
    try:
        with example.deploy() as deploy:
            deploy.hello()
            assert f"{stranger}:2" in str(deploy.executor.until("not_ready")["problems"])
    finally:
        stranger.unlink()


def test_missing_root_is_not_ready(example: Example) -> None:
    with example.deploy() as deploy:
        deploy.layout["root"] = "/no/such/root"
        deploy.hello()
        problem = deploy.executor.until("problem")
        assert problem["kind"] == "not_ready" and "/no/such/root" in problem["message"]
        deploy.executor.rest()


def test_supervisord_that_is_down_is_named_with_a_remedy(example: Example, host: LabHost) -> None:
    example.write()
    conf = host.root / "down.conf"
    conf.write_text(host.conf.read_text().replace("supervisor.sock", "nobody.sock"))
    with example.deploy() as deploy:
        deploy.layout["supervisord_conf"] = "down.conf"
        deploy.hello()
        (problem,) = deploy.executor.until("not_ready")["problems"]
        assert "nobody.sock" in problem["message"] and "supervisord -c" in problem["hint"]
    assert not example.directory.exists()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.promise(8)
@pytest.mark.parametrize("restarted", [False, True])
def test_commit_tells_of_a_program_that_somebody_stopped_while_other_hosts_were_waited_for(example: Example,
                                                                                          restarted: bool) -> None:
    example.write()
    with example.deploy() as deploy:
        deploy.activate()
        program = f"{example.name}:{example.name}"
        example.host.rpc.stopProcess(program)
        if restarted:
            example.host.rpc.startProcess(program)
        assert deploy.executor.heard[-1]["event"] != "notice"
        deploy.executor.send({"do": "commit"})
        told = deploy.executor.until("notice")["message"]
        ends(deploy, "committed")
    assert f"{example.name} ran and was well, but was stopped or crashed before the commit" in told
    assert told.split("now: ")[1].startswith("RUNNING" if restarted else "STOPPED")


@pytest.mark.promise(8)
def test_commit_tells_of_a_version_that_somebody_moved_while_other_hosts_were_waited_for(example: Example) -> None:
    example.write()
    with example.deploy() as deploy:
        deploy.activate()
        git(example.directory, "commit", "--quiet", "--allow-empty", "--message", "of a person")
        deploy.executor.send({"do": "commit"})
        told = deploy.executor.until("notice")["message"]
        ends(deploy, "committed")
    moved = git(example.directory, "rev-parse", "HEAD")
    assert f"{example.name}: {example.directory} is at commit {moved[:8]} now, and not at " in told
    assert "see what moved it" in told


@pytest.mark.promise(8)
def test_program_that_may_end_is_well_when_it_has_ended_after_it_was_seen_up(example: Example) -> None:
    """One that runs once, for longer than a start is watched; its health check sees its end."""
    example.write("sleep 1.3; touch done\n")
    once = example.with_(program={"startsecs": "0", "autorestart": "false"},
                         health=Health(command="until test -e done; do sleep 0.05; done", timeout=20))
    with example.deploy(once) as deploy:
        deploy.activate()
        wait_for(lambda: example.info()["statename"] == "EXITED", "the end of the program")
        deploy.executor.send({"do": "commit"})
        ends(deploy, "committed")
    assert not [message for message in deploy.executor.heard if message["event"] == "notice"]


@pytest.mark.promise(8)
def test_deploy_is_committed_whatever_goes_wrong_in_the_last_look(example: Example) -> None:
    example.write()
    faults = "from .transaction import plan_result\nplan_result.changed = lambda *_: [][0]\n"
    with example.deploy(faults=faults) as deploy:
        assert deploy.commit()["event"] == "committed"
