"""Obstacles to a deploy on a host: each is named, by host, and nothing is changed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.app import HEALTH, App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import Lab, git


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app().alone().deployed()


def edit(app: App, host: str) -> Path:
    file = app.lab[host].directory(app.name) / "run.sh"
    app.running(host)                       # a script is busy while it is being started
    file.write_text(file.read_text() + "# by hand\n")
    return file


def test_deploy_refuses_edited_files_and_lists_them_by_host(shared: App) -> None:
    """Listed by host; exit 2."""
    own = shared
    text = (own.lab["web2"].directory(own.name) / "run.sh").read_text()
    file = edit(own, "web2")
    before, pids = own.states(), own.pids()
    own.commit(f"{own.name}-2")
    run = own.deploy()
    assert run.code == 2, run
    assert "web2" in messages(run) and "run.sh" in messages(run) and "--set-aside" in messages(run)
    assert "web1:" not in messages(run)
    assert (own.states(), own.pids()) == (before, pids)
    file.write_text(text)


@pytest.mark.promise(11)
def test_plan_and_deploy_refuse_an_untracked_file_in_the_way_by_the_same_words(shared: App) -> None:
    """The other host has the commit's files already when web2 refuses; they go again."""
    file = shared.lab["web2"].directory(shared.name) / "notes.txt"
    file.write_text("of a person\n")
    before = shared.states()
    shared.commit(f"{shared.name}-2", {"notes.txt": "of the commit\n"})
    words = f"files that git does not know are in the way of the commit, in {file.parent}: notes.txt"
    for command in ("plan", "deploy"):
        run = shared.fab(command, shared.name)
        assert run.code == 2, run
        assert words in run.out + messages(run) and "--set-aside" in run.out + messages(run)
    assert shared.states() == before and file.read_text() == "of a person\n"
    file.unlink()


def test_build_whose_first_command_is_missing_fails_and_doctor_warns_of_it(app: App) -> None:
    """It is not refused: a hook, or another build, may bring that command."""
    app.alone().write(build="no-such-tool --all\ncp source built")
    assert app.deploy().code == 1
    doctor = app.fab("doctor")
    (check,) = [check for check in doctor.of("check") if check["check"] == "path"]
    assert (doctor.code, check["outcome"]) == (0, "warning"), doctor
    assert "begins with no-such-tool, to which PATH of the login does not lead" in check["message"]


def test_set_aside_keeps_edits_in_the_stash_and_returns_them_when_a_deploy_fails(own: App) -> None:
    """A deploy that fails brings the edited files back, one that succeeds keeps them in git's stash."""
    file = edit(own, "web1")
    (file.parent / "built").write_text(f"{own.name}-1")
    before, text = own.states(), file.read_text()
    own.commit(f"{own.name}-2")
    own.shut("fail", f"{own.name}-2")
    assert own.deploy("--set-aside").code == 1
    assert own.states() == before
    own.open_all()
    assert own.deploy("--set-aside").code == 0
    assert "by hand" not in file.read_text()
    assert len(git(file.parent, "stash", "list").splitlines()) == 1
    assert git(file.parent, "show", "stash@{0}:run.sh") == text.strip()
    assert "fabvisor" not in git(file.parent, "for-each-ref", "refs/fabvisor/modes", "refs/fabvisor/set-aside")
    assert own.fab("status", "--service", own.name).code == 0


@pytest.fixture(scope="module")
def checked(lab: Lab) -> Iterator[App]:
    """On one host; each test leaves it as it was."""
    app = App(lab, "meddled", health=HEALTH).alone().deployed()
    yield app
    app.remove()


MEDDLED = {
    # The files stay: the health check would let the deploy go on before HEAD has moved.
    "git -C {directory} reset -q --soft HEAD~1": "is at commit {old} now, and not at {new} as the deploy left it",
    "rm -rf {directory}/.git": "has no commit now, and not at {new} as the deploy left it",
    "rm {file}": "{file} was removed after the deploy wrote it",
    "echo >> {file}": "{file} was changed after the deploy wrote it",
}


@pytest.mark.promise(8)
@pytest.mark.rows(2)
@pytest.mark.parametrize(("command", "words"), MEDDLED.items())
def test_deploy_goes_back_when_somebody_takes_away_what_it_put_there(checked: App, command: str, words: str) -> None:
    """While the program is being checked: `deployed` would not be what happened."""
    here = checked.lab["web1"]
    names = {"directory": str(here.directory(checked.name)), "file": str(checked.program_file("web1"))}
    before, old = checked.state("web1"), here.head(checked.name)
    client = checked.begin("hold", "checking", f"{checked.name}-2")
    new = here.head(checked.name)
    subprocess.run(command.format(**names), shell=True, check=True)
    checked.open_all()
    run = client.end()
    assert run.code == 1, run
    assert words.format(**names, old=old[:8], new=new[:8]) in messages(run)
    assert checked.state("web1") == before


# A filter of git, which reads each edited file; it waits once where that is for the stash.
HOLD_STASH = """\
#!/bin/sh
if ! test -e {gate}/stashing-web1 && grep -qzx -e stash -e update-index /proc/$PPID/cmdline; then
  touch {gate}/stashing-web1; while test -e {gate}/stash; do sleep 0.02; done
fi
cat
"""


@pytest.mark.long
def test_set_aside_loses_no_edit_when_it_is_interrupted(own: App) -> None:
    """In the middle of the stashing, when the edits are in no stash yet: they are not lost."""
    folder = edit(own, "web1").parent
    script = folder / ".git/hold"
    script.write_text(HOLD_STASH.format(gate=own.gate))
    script.chmod(0o755)
    git(folder, "config", "filter.hold.clean", str(script))
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/attributes").write_text("* filter=hold\n")
    before, pids = own.states(), own.pids()
    own.commit(f"{own.name}-2")
    own.shut("stash", "")
    client = own.start("deploy", own.name, "--set-aside").wait_at(own, "stashing", "web1")
    client.signal(signal.SIGINT)
    assert client.end().code == 130
    assert (own.states(), own.pids()) == (before, pids)


def test_submodules_follow_the_commit_forward_and_back(app: App, lab: Lab) -> None:
    """Forward with the deploy, and back when it fails."""
    app.alone()
    library = lab.repository(f"{app.name}-lib", {"lib": "one"})
    for host in app.hosts:      # git allows submodules from a local path only where it is told so
        (lab[host].sshd.home / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    work = app.repo.with_suffix("")
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    app.commit(f"{app.name}-2")
    assert app.deploy().code == 0

    def contents() -> list[str]:
        return [(lab[host].directory(app.name) / "lib/lib").read_text() for host in app.hosts]

    assert contents() == ["one"]
    lab.commit(f"{app.name}-lib", {"lib": "two"})
    git(work / "lib", "-c", "protocol.file.allow=always", "pull", "--quiet", "origin", "main")
    app.commit(f"{app.name}-3")
    app.shut("fail", f"{app.name}-3")
    assert app.deploy().code == 1
    assert contents() == ["one"]
    assert [app.state(host)["edited"] for host in app.hosts] == [""]
    app.open_all()
    assert app.deploy().code == 0
    assert contents() == ["two"]


@pytest.mark.long
@pytest.mark.promise(11)
def test_set_aside_takes_edits_of_a_submodule_beside_a_file_that_git_always_calls_modified(app: App, lab: Lab) -> None:
    library, host = lab.repository(f"{app.name}-lib", {"lib": "one"}), lab["web1"]
    (host.sshd.home / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    work = app.repo.with_suffix("")
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    app.commit(f"{app.name}-2", {"notes.txt": "a\r\n"})
    app.commit(f"{app.name}-3", {".gitattributes": "*.txt eol=lf\n"})
    assert app.deploy("--host", "web1").code == 0
    folder = host.directory(app.name)
    (folder / "lib/lib").write_text("mine")
    os.utime(folder / "notes.txt", (1, 1))
    before = app.state("web1")
    app.commit(f"{app.name}-4", {"notes.txt": "b\r\n"})
    app.shut("fail", f"{app.name}-4")
    run = app.deploy("--host", "web1")
    assert run.code == 2 and "M lib (lib)" in messages(run), run
    assert app.deploy("--host", "web1", "--set-aside").code == 1
    assert app.state("web1") == before
    app.open_all()
    assert app.deploy("--host", "web1", "--set-aside").code == 0
    assert (folder / "lib/lib").read_text() == "one" and git(folder / "lib", "show", "stash@{0}:lib") == "mine"


# Tracked files go, become a folder, change; in a submodule, too.
CHANGES = """
cp source built
rm -rf docs
rm -rf config.example && mkdir config.example && touch config.example/local
echo built >> lib/lib
rm -f lib/other
if grep -qsx "$(cat source)" "$GATE/fail-$HOST"; then exit 9; fi
"""


@pytest.mark.promise(8)
@pytest.mark.parametrize("strategy", ["in_place", pytest.param("releases", marks=pytest.mark.long)])
def test_what_a_build_changes_is_no_edit(make_app: MakeApp, lab: Lab, strategy: str) -> None:
    app = make_app(build=CHANGES, strategy=strategy).alone()
    library = lab.repository(f"{app.name}-lib", {"lib": "one", "other": "x"})
    for host in app.hosts:
        (lab[host].sshd.home / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    work = app.repo.with_suffix("")
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    app.commit(f"{app.name}-2", {"docs/page": "text", "config.example": "a 2"})
    app.deployed()
    assert app.fab("status", "--service", app.name).code == 0
    app.commit(f"{app.name}-3", {"config.example": "a 3"})
    app.shut("fail-web1", f"{app.name}-3")
    assert app.deploy().code == 1
    app.open_all()
    run = app.deploy()
    assert run.code == 0, run
    assert [app.running(host) for host in app.hosts] == [f"{app.name}-3"]


def test_deploy_never_touches_a_parent_repository(app: App, lab: Lab) -> None:
    """The service directory has no .git of its own, and stands in the work tree of another repository."""
    parent = lab["web1"].root / f"parent-{app.name}"
    (parent / "service/logs").mkdir(parents=True)
    git(parent, "init", "--quiet", "--initial-branch=trunk")
    (parent / "mine").write_text("mine")
    git(parent, "add", "mine")
    git(parent, "commit", "--quiet", "--message", "mine")
    (parent / "mine").write_text("edited")

    def seen() -> list[str]:
        return [git(parent, *args) for args in (
            ["status", "--porcelain", "--untracked-files=no"], ["for-each-ref"], ["symbolic-ref", "HEAD"],
            ["config", "--local", "--list"], ["reflog"])]

    before = seen()
    app.write(directory=f"parent-{app.name}/service")
    commit = git(app.repo, "rev-parse", "main")
    assert app.fab("status", "--host", "web1").code == 1
    app.deployed("--host", "web1")
    assert seen() == before
    assert git(parent / "service", "rev-parse", "HEAD") == commit


@pytest.mark.parametrize("kind", [
    pytest.param("a file", id="files, but no clone"),
    pytest.param("two services", id="its program file holds another program too"),
    pytest.param("elsewhere", id="the program is defined in another file"),
    pytest.param("in supervisord.conf", id="the program is defined in supervisord.conf"),
    pytest.param("broken", id="another program's file is broken"),
    pytest.param("not included", id="program files are not included"),
])
@pytest.mark.rows(3)
def test_obstacle_on_one_host_is_named_and_no_host_is_touched(app: App, lab: Lab, obstacle: Obstacle,
                                                              kind: str) -> None:
    """On web2 alone; web1 is not touched either. The message names what stands in the way."""
    parts = obstacle.put(kind)
    before = app.states()
    run = app.deploy()
    assert run.code == 2, run
    for words in parts:
        assert words in messages(run)
    assert app.states() == before
    assert not lab["web1"].directory(app.name).exists()


class Obstacle:
    def __init__(self, app: App) -> None:
        self.app = app
        self.host = app.lab["web2"]
        self.made: list[Path] = []
        self.conf = self.host.conf.read_text()

    def put(self, kind: str) -> list[str]:
        """Returns the words that must be in the message."""
        name, conf_d = self.app.name, self.host.root / "conf.d"
        foreign = f"; a team's file\n[program:{name}]\ncommand=sleep 9999\nautostart=false\n"
        if kind == "a file":
            file = self._write(self.host.directory(name) / "precious", "precious")
            return ["web2", str(file.parent)]
        if kind == "elsewhere":
            return ["web2", f"{self._write(conf_d / 'other.conf', foreign)}:2"]
        if kind == "in supervisord.conf":
            self.host.conf.write_text(self.conf + foreign)
            line = len(self.conf.splitlines()) + 2
            return ["web2", f"{self.host.conf}:{line}"]
        if kind == "broken":
            return ["web2", str(self._write(conf_d / "zz-broken.conf", "[program:zz]\nautostart=maybe\n").name)]
        if kind == "not included":
            self.host.conf.write_text(self.conf.replace("conf.d/*.conf", "other.d/*.ini"))
            return ["web2", str(self.app.program_file("web2")), "[include]"]
        own = self._write(self.app.program_file("web2"), f"[program:{name}]\ncommand=true\nautostart=false\n"
                                                         "[program:guest]\ncommand=true\nautostart=false\n")
        return ["web2", str(own), "program:guest"]

    def _write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.made.append(path)
        return path

    def clear(self) -> None:
        self.host.conf.write_text(self.conf)
        for path in self.made:
            path.unlink()
        self.host.rpc.reloadConfig()


@pytest.fixture
def obstacle(app: App) -> Iterator[Obstacle]:
    made = Obstacle(app)
    yield made
    made.clear()


def test_broken_file_of_another_program_stops_no_running_program_and_is_foretold_without_its_password(
        shared: App) -> None:
    own = shared
    broken = own.lab["web2"].root / "conf.d/zz-broken.conf"
    broken.write_text("[program:zz]\ncommand=sleep 1\nenvironment=PASSWORD=\"hush%x\"\n")
    before, pids = own.states(), own.pids()
    try:
        own.commit(f"{own.name}-2")
        runs = {words: own.fab(*words.split()) for words in (f"deploy {own.name}", f"plan {own.name}", "doctor")}
    finally:
        broken.unlink()
    assert [run.code for run in runs.values()] == [2, 2, 1], runs
    for run in runs.values():
        assert "supervisord cannot read its configuration: Format string" in run.out and "zz" in run.out, run
        assert "hush" not in run.out + run.err
    assert (own.states(), own.pids()) == (before, pids)


@pytest.mark.usefixtures("real_hosts")
def test_deploy_is_refused_with_a_remedy_when_supervisord_is_down() -> None:
    with Lab(("web1",)) as lab:
        app = App(lab, "app")
        lab["web1"].stop_supervisord()
        run = app.deploy()
        assert run.code == 2, run
        assert "supervisord" in messages(run) and "supervisord -c" in messages(run)
        assert not lab["web1"].directory(app.name).exists()
        status = app.fab("status")
        assert status.code == 1
        assert [e["state"] for e in status.events if e["event"] == "status"] == ["UNKNOWN"]


@pytest.mark.parametrize(("repo", "code", "words"), [
    pytest.param("/no/such/repository.git", 2, "/no/such/repository.git", id="no such repository"),
    pytest.param("ssh://git@127.0.0.1:1/x.git", 75, "cannot be reached", id="nobody listens"),
])
def test_unreadable_repository_is_refused_and_changes_nothing(app: App, repo: str, code: int, words: str) -> None:
    app.alone().write(repo=repo)
    before = app.states()
    run = app.deploy()
    assert run.code == code, run
    assert words in messages(run) and "git ls-remote" in messages(run)
    assert app.states() == before
