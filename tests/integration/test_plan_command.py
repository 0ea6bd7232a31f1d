"""`fab plan`, and `confirm: true`: seen beforehand, by the same planner, with nothing changed."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import time
from typing import Any

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import Run, git

FIRST, SECOND = "first-value-of-the-secret", "second-value-of-the-secret"


def plans(run: Run) -> dict[str, dict[str, Any]]:
    return {event["host"]: event for event in run.events if event["event"] == "plan"}


def everything(app: App) -> list[Any]:
    """All that a plan must leave: also history, journals, locks, folders of ours."""
    ours = [sorted(str(path) for path in (app.lab[host].root / ".fabvisor").rglob("*") if app.name in str(path))
            for host in app.hosts]
    return [app.states(), app.pids(), ours]


def test_plan_of_a_first_deploy_changes_nothing(app: App) -> None:
    """Resolved as deploy does; no clone and no folder is made."""
    app.alone()
    commit = git(app.repo, "rev-parse", "main")
    before = everything(app)
    for revision in ("main", commit[:10]):
        run = app.fab("plan", app.name, "--revision", revision)
        assert (run.code, run.finished["outcome"]) == (0, "pending"), run
        plan = plans(run)["web1"]
        assert (plan["was"], plan["next"], plan["back"], plan["why"]) == (None, commit, None, ["first deploy"])
        assert plan["diff"][0] == "--- /dev/null" and plan["secrets_changed"] == 0
        assert everything(app) == before
    assert app.deploy().steps("web1") == plan["steps"]
    again = app.fab("plan", app.name)
    assert (again.code, again.finished["outcome"]) == (0, "unchanged")
    assert plans(again)["web1"]["steps"] == []


def test_plan_shows_everything_that_would_change(make_app: MakeApp) -> None:
    app = make_app(variables={"LEVEL": "info", "OLD": "1"}, secrets=["TOKEN"])
    assert app.deploy(TOKEN=FIRST).code == 0
    one, two = app.commits()[0], app.commit(f"{app.name}-2")
    assert app.deploy("--host", "web2", TOKEN=FIRST).code == 0
    three = app.commit(f"{app.name}-3")
    app.write(variables={"LEVEL": "warning", "NEW": "1"}, program={"startsecs": 0, "stopwaitsecs": 6},
              requires=["run.sh", "nope.yaml"])
    edited = app.lab["web2"].directory(app.name) / "run.sh"
    app.running("web2")                     # a script is busy while it is being started
    edited.write_text(edited.read_text() + "# by hand\n")
    before = everything(app)
    run = app.fab("plan", app.name, TOKEN=SECOND)
    assert (run.code, run.finished["outcome"]) == (2, "pending"), run
    assert everything(app) == before
    web1, web2 = plans(run)["web1"], plans(run)["web2"]
    assert (web1["was"], web1["next"], web1["back"], web1["forward"]) == (one, three, 0, 2)
    assert [(found["commit"], found["subject"], found["author"]) for found in web1["commits"]] == [
        (three, f"{app.name}-3", "Test"), (two, f"{app.name}-2", "Test")]
    assert (web2["was"], web2["forward"], web2["edited"]) == (two, 1, [" M run.sh"])
    assert web1["variables"] == {"added": ["NEW"], "removed": ["OLD"], "changed": ["LEVEL"]}
    assert (web1["secrets_changed"], web1["missing"]) == (1, ["nope.yaml"])
    assert {"-stopwaitsecs=5", "+stopwaitsecs=6"} <= set(web1["diff"])
    assert {"another commit", "the program file changes", "the environment file changes"} <= set(web1["why"])
    assert "restart" in web1["steps"]
    assert run.finished["hosts"]["web1"][app.name] == {
        "was": one, "tried": three, "now": one, "outcome": "pending", "why": None}
    for shown in (run, *(app.fab("plan", app.name, format=format, TOKEN=SECOND) for format in ("plain", "terminal"))):
        assert not re.search(rf"{FIRST}|{SECOND}|[0-9a-f]{{64}}", shown.out + shown.err)
    assert "1 secret changed" in shown.out and "TOKEN" not in shown.out


@pytest.mark.promise(7)
def test_plan_hides_passwords_of_a_program_file_written_by_hand(app: App) -> None:
    app.alone().deployed()
    file = app.program_file("web1")
    file.write_text(re.sub("environment=.*", 'environment=RUN_MODE="old",\n  DB="hunter2, \'x"', file.read_text()))
    run = app.fab("plan", app.name)
    assert "hunter2" not in run.out
    assert '-environment=RUN_MODE="old",' in plans(run)["web1"]["diff"]


@pytest.mark.long
def test_plan_shows_what_is_left_behind_on_the_way_to_an_older_commit(app: App) -> None:
    """The plan shows what is left behind; deploy says the same in short."""
    one = git(app.repo, "rev-parse", "main")
    for number in range(2, 25):
        git(app.lab.folder / "git" / app.name, "commit", "--quiet", "--allow-empty", "--message", f"change {number}")
    new = app.commit(f"{app.name}-25")
    app.alone().deployed()
    for run in (app.fab("plan", app.name, "--revision", one), app.deploy("--revision", one)):
        plan = plans(run)["web1"]
        assert (plan["was"], plan["next"], plan["back"], plan["forward"]) == (new, one, 24, 0)
        assert [found["subject"] for found in plan["dropped"]][:2] == [f"{app.name}-25", "change 24"]
        assert (len(plan["dropped"]), plan["commits"]) == (20, [])
    assert plan["variables"] is None and plan["secrets_changed"] is None


def test_plan_shows_the_obstacles_that_a_deploy_would_meet(app: App) -> None:
    (app.lab["web1"].directory(app.name)).mkdir(parents=True)
    (app.lab["web1"].directory(app.name) / "mine").write_text("x")
    run = app.fab("plan", app.name)
    assert run.code == 2
    assert "holds files, but no git clone" in "".join(plans(run)["web1"]["obstacles"])
    assert plans(run)["web2"]["obstacles"] == []


def test_plan_is_refused_while_a_deploy_runs(app: App) -> None:
    """There is nothing reliable to say; and the deploy does not mind."""
    app.alone().deployed()
    client = app.begin("block", "building", f"{app.name}-2")
    run = app.fab("plan", app.name)
    assert run.code == 75, run
    assert "is locked by" in messages(run)
    app.open_all()
    assert client.end().code == 0


@pytest.mark.long
def test_plans_and_a_deploy_fetch_at_the_same_time(app: App) -> None:
    """Plans fetch under no lock of the service; deploys and other plans at the same time go on all the same."""
    app.alone().deployed()
    for number in range(2, 5):
        app.commit(f"{app.name}-{number}")
        at_once = [app.start("plan", app.name) for _ in range(3)]
        deploy = app.deploy()
        assert deploy.code == 0, deploy
        for one in at_once:
            assert one.end().code in (0, 75), one.lines


# --- confirm: true ---

@pytest.fixture
def careful(app: App) -> App:
    app.alone().deployed()
    app.environment["confirm"] = True
    app.write()
    app.commit(f"{app.name}-2", {"note": "x"})
    return app


class OnTerminal:
    """`fab …` on a pseudo-terminal, as a person sees it."""

    def __init__(self, app: App, *args: str) -> None:
        self.leader, follower = pty.openpty()
        environ = app.lab.environ(FAB_INVENTORY=str(app.inventory), TERM="xterm", LANG="C.UTF-8",
                                  COLUMNS="80", LINES="24")
        # Ctrl-C is a signal only where the terminal is the session's own; and it is not ignored there, as it is
        # in what a shell has put into the background.
        self.process = subprocess.Popen(["env", "--default-signal=INT", "setsid", "--ctty", *app.lab.command(*args)],
                                        cwd=app.lab.folder, env=environ,
                                        stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        self.seen = ""

    def until(self, words: str) -> str:
        deadline = time.monotonic() + 60
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen
            assert self._read(), self.seen
        return self.seen

    def types(self, text: str) -> None:
        os.write(self.leader, text.encode())

    def end(self) -> int:
        while self._read():
            pass
        os.close(self.leader)
        return self.process.wait(60)

    def _read(self) -> bool:
        if not select.select([self.leader], [], [], 60)[0]:
            return False
        try:
            part = os.read(self.leader, 65536)
        except OSError:                 # the other end is closed
            return False
        self.seen += part.decode("utf-8", "replace")
        return bool(part)


def test_deploy_with_confirm_asks_after_the_plan_and_before_the_locks(careful: App) -> None:
    """The question comes before the locks, and after the plan; what was typed before it is no answer."""
    before = everything(careful)
    screen = OnTerminal(careful, "deploy", careful.name)
    screen.types("y\n")
    screen.until("deploy to test? [y/N]")
    assert f"{careful.name} on web1" in screen.seen
    assert everything(careful) == before
    assert not any(careful.holder_alive(host) for host in careful.hosts)
    screen.types("y\n")
    assert screen.end() == 0, screen.seen
    assert [careful.running(host) for host in careful.hosts] == [f"{careful.name}-2"]
    assert screen.seen.count("[y/N]") == 1


def test_rollback_and_remove_with_confirm_ask_and_a_deploy_that_has_nothing_to_do_does_not(careful: App) -> None:
    careful.deployed("--yes")
    again = OnTerminal(careful, "deploy", careful.name)
    assert again.end() == 0 and "[y/N]" not in again.seen, "nothing to do, nothing to ask"
    rollback = OnTerminal(careful, "rollback", careful.name)
    rollback.until("rollback on test? [y/N]")
    rollback.types("yes\n")
    assert rollback.end() == 0, rollback.seen
    assert [careful.running(host) for host in careful.hosts] == [f"{careful.name}-1"]
    removal = OnTerminal(careful, "remove", careful.name)
    removal.until("remove on test? [y/N]")
    removal.types("n\n")
    assert removal.end() == 130, removal.seen
    assert [careful.running(host) for host in careful.hosts] == [f"{careful.name}-1"]


@pytest.mark.long
def test_dry_run_of_confirm_waits_for_the_lock_of_another_deploy(careful: App) -> None:
    """With --wait it waits as the deploy itself would; the plan is that of what the other one left."""
    first = careful.begin("block", "building", f"{careful.name}-3", "--yes")
    screen = OnTerminal(careful, "deploy", careful.name, "--wait", "60", "--force")
    screen.until("waiting: ")
    assert "[y/N]" not in screen.seen
    careful.open("block")
    assert first.end().code == 0
    screen.until("deploy to test? [y/N]")
    screen.types("n\n")
    assert screen.end() == 130


@pytest.mark.parametrize("typed", ["n\n", "\n", "\x04", "\x03"], ids=["no", "nothing", "end", "interrupt"])
@pytest.mark.rows(1)
def test_deploy_with_confirm_changes_nothing_without_a_yes(careful: App, typed: str) -> None:
    before = everything(careful)
    screen = OnTerminal(careful, "deploy", careful.name)
    screen.until("[y/N]")
    screen.types(typed)
    assert screen.end() == 130, screen.seen
    assert everything(careful) == before


@pytest.mark.long
def test_deploy_with_confirm_undoes_an_interrupted_one_and_goes_on_after_one_question(careful: App) -> None:
    client = careful.begin("block", "building", f"{careful.name}-3", "--yes")
    careful.kill_host_side()
    client.end()
    careful.open_all()
    screen = OnTerminal(careful, "deploy", careful.name)
    screen.until("deploy to test? [y/N]")
    assert "is undone first" in screen.seen
    screen.types("y\n")
    assert screen.end() == 0, screen.seen
    assert [careful.running(host) for host in careful.hosts] == [f"{careful.name}-3"]


def test_deploy_stops_when_something_has_changed_since_the_question(careful: App) -> None:
    screen = OnTerminal(careful, "deploy", careful.name)
    screen.until("[y/N]")
    careful.commit(f"{careful.name}-3")
    before = careful.states(), careful.pids()
    screen.types("y\n")
    assert screen.end() == 75, screen.seen
    assert "the plan has changed since the question" in screen.seen
    assert (careful.states(), careful.pids()) == before


def test_confirm_refuses_without_a_terminal_or_yes_option(careful: App) -> None:
    before = everything(careful)
    for command in ("deploy", "rollback"):
        run = careful.fab(command, careful.name)
        assert run.code == 2 and "--yes" in messages(run)
        assert ("fab plan" in messages(run)) == (command == "deploy"), "fab plan shows what a deploy would do"
        assert [event["event"] for event in run.events] == ["error", "finished"], "no host was contacted"
    assert everything(careful) == before


@pytest.mark.long
def test_confirm_refuses_to_ask_in_json_and_takes_the_yes_option(careful: App) -> None:
    json_on_a_terminal = OnTerminal(careful, "deploy", careful.name, "--format", "json")
    assert json_on_a_terminal.end() == 2
    assert json.loads(json_on_a_terminal.seen.splitlines()[-1])["exit_code"] == 2
    assert careful.deploy("--yes").code == 0


# --- strategy: releases ---

def with_links(app: App) -> list[Any]:
    """`everything`, and where `current` points to, and what stands in releases/."""
    places = [app.lab[host].directory(app.name) for host in app.hosts]
    return [everything(app), [(sorted(path.name for path in place.glob("releases/*")),
                               os.readlink(place / "current") if (place / "current").is_symlink() else None)
                              for place in places]]


def foretold(app: App, *args: str) -> dict[str, Any]:
    """Of web1, the plan: it changes nothing, a deploy then does just that."""
    before = with_links(app)
    run = app.fab("plan", app.name, *args)
    assert run.code == 0, run
    assert with_links(app) == before
    one = plans(run)["web1"]
    deploy = app.deploy(*args)
    assert deploy.code == 0, deploy
    assert deploy.steps("web1") == one["steps"]
    after = app.fab("plan", app.name, *args)
    assert [after.finished["outcome"], *(plan["steps"] for plan in plans(after).values())] == ["unchanged", []]
    return one


@pytest.mark.long
def test_plan_foretells_releases_first_next_and_back(make_app: MakeApp) -> None:
    """A first one, another one, and back to one that is there already."""
    app = make_app(strategy="releases").alone()
    first = foretold(app)
    assert first["steps"] == ["fetch", "checkout", "build", "program", "switch", "restart", "verify"]
    assert (first["was"], first["why"]) == (None, ["first deploy"])
    one, two = app.commits()[0], app.commit(f"{app.name}-2")
    second = foretold(app)
    assert (second["was"], second["next"], second["forward"], second["diff"]) == (one, two, 1, [])
    assert [found["commit"] for found in second["commits"]] == [two]
    assert "switch" in second["steps"] and second["why"] == ["another commit"]
    back = foretold(app, "--revision", one)
    assert (back["was"], back["next"], back["back"], back["forward"]) == (two, one, 1, 0)
    assert app.running("web1") == f"{app.name}-1"


@pytest.mark.long
def test_plan_foretells_a_change_of_the_strategy(app: App) -> None:
    """The same commit in another place: the program file says so."""
    app.alone().deployed()
    place = f"<root>/micro/{app.name}"
    app.write(strategy="releases")
    there = foretold(app)
    assert there["was"] == there["next"] and there["commits"] == there["dropped"] == []
    assert {f"-directory={place}", f"+directory={place}/current"} <= set(there["diff"])
    assert "switch" in there["steps"] and "the program file changes" in there["why"]
    app.write(strategy="in_place")
    back = foretold(app)
    assert {f"+directory={place}", f"-directory={place}/current"} <= set(back["diff"])
    assert "switch" not in back["steps"] and "restart" in back["steps"]


@pytest.mark.long
def test_plan_says_that_no_option_helps_where_a_pipe_lies_in_the_place_of_a_file(app: App) -> None:
    app.alone().deployed()
    app.commit(f"{app.name}-2")
    path = app.lab["web1"].directory(app.name) / "source"
    path.unlink()
    os.mkfifo(path)
    (obstacle,) = plans(app.fab("plan", app.name))["web1"]["obstacles"]
    refused = app.deploy("--set-aside")
    assert refused.code == 2
    assert "in the place of tracked files" in obstacle and obstacle.partition(": move")[0] in messages(refused)
