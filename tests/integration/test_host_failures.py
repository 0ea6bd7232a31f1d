"""Bad luck on a host: a clear message with its remedy, the right exit code, and nothing lost."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import App, messages, read
from tests.integration.conftest import MakeApp
from tests.support.http_answers import answering
from tests.support.lab import Lab, Run, git, wait_for
from tests.support.sshd import Sshd


def hints(run: Run) -> list[str]:
    return [event["hint"] for event in run.events if event["event"] == "error"]


def refused(app: App, code: int, *words: str, host: str = "web1") -> Run:
    """The deploy ends with this exit code and says these words; nothing has changed."""
    before, pid = app.state(host), app.pid(host)
    run = app.deploy("--host", host, "--force")
    assert run.code == code, run
    for word in words:
        assert word in messages(run), messages(run)
    assert all(hints(run)), run.events
    assert (app.state(host), app.pid(host)) == (before, pid)
    return run


@pytest.fixture(scope="module")
def shared(lab: Lab) -> Iterator[App]:
    """Deployed to web1, for tests that leave it in any version."""
    app = App(lab, "shared")
    yield app.deployed("--host", "web1")
    app.remove()


# --- builds ---

def test_build_gets_empty_input_and_leaves_no_process_behind(make_app: MakeApp) -> None:
    """Its standard input is empty, what is no UTF-8 gets a mark, what stays in the background is ended."""
    app = make_app(build=["cat; read -r answer || echo nobody answers", "printf 'caf\\351 \\377\\n'",
                          "sleep 100000 & echo $! >\"$GATE/child\"", "cp source built"])
    run = app.deploy("--host", "web1")
    assert run.code == 0, run
    lines = [event["line"] for event in run.events if event["event"] == "output" and event["step"] == "build"]
    assert lines == ["nobody answers", "caf\ufffd \ufffd"]
    child = (app.gate / "child").read_text().strip()
    wait_for(lambda: read(f"/proc/{child}/stat").rpartition(")")[2].split()[:1] in ([], ["Z"]), "the child to end")


@pytest.mark.long
def test_flood_of_build_output_is_kept_within_limits(make_app: MakeApp) -> None:
    """80 MB: both sides keep little of it, the end of it is there, and a kept log has a limit."""
    app = make_app(build=["yes \"$(printf '%04000d' 0)\" | head -c 80000000 || true",
                          "touch \"$GATE/flooded\"; while test -e \"$GATE/hold\"; do sleep 0.02; done",
                          "echo the end; cp source built"])
    app.shut("hold", "")
    process = app.lab.popen("deploy", app.name, "--host", "web1", "--format", "plain",
                            FAB_INVENTORY=str(app.inventory))
    wait_for(lambda: (app.gate / "flooded").exists() or process.poll() is not None, "the end of the flood", seconds=90)
    used = {pid: int(re.findall(r"VmHWM:\s+(\d+) kB", read(f"/proc/{pid}/status"))[0])
            for pid in (process.pid, app.holder("web1")["pid"])}
    app.open("hold")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out[-2000:], err)
    assert max(used.values()) < 90_000, used
    assert len(out) < 10_000
    log = next(iter(sorted((app.lab["web1"].root / ".fabvisor/runs").glob("*"), reverse=True)))
    assert 60 << 20 < log.stat().st_size < 70 << 20


# --- programs ---

@pytest.mark.long
def test_deploy_kills_a_program_that_ignores_sigterm(make_app: MakeApp) -> None:
    """supervisord kills it after stopwaitsecs; the deploy goes on."""
    app = make_app(program={"startsecs": 0, "stopwaitsecs": 1})
    app.commit(f"{app.name}-1", {"run.sh": "#!/bin/bash\ntrap '' TERM\nwhile :; do sleep 0.1; done\n"})
    assert app.deploy("--host", "web1").code == 0
    old = app.pid("web1")
    app.commit(f"{app.name}-2", {"run.sh": "#!/bin/bash\nexec sleep 100000\n"})
    run = app.deploy("--host", "web1")
    assert run.code == 0, run
    assert read(f"/proc/{old}/stat") == "" and app.pid("web1") not in (0, old)


@pytest.mark.long
def test_deploy_makes_a_missing_log_folder_anew(shared: App) -> None:
    """supervisord would refuse every program's configuration for it: it is there again before anything is asked."""
    logs = shared.lab["web1"].directory(shared.name) / "logs"
    shutil.rmtree(logs)
    shared.commit(f"{shared.name}-logged")
    run = shared.deploy("--host", "web1")
    assert run.code == 0, run
    assert (logs / f"{shared.name}.log").exists()
    shutil.rmtree(logs)
    assert shared.fab("restart", shared.name, "--host", "web1").code == 0


def test_hint_names_fab_logs_when_a_program_does_not_stay_up(shared: App) -> None:
    shared.write(program={"startsecs": 1})
    shared.commit(f"{shared.name}-2", {"run.sh": "#!/bin/sh\nexit 7\n"})
    run = shared.deploy("--host", "web1")
    shared.write(program={"startsecs": 0, "stopwaitsecs": 5})
    shared.commit(shared.name + "-1", {"run.sh": "#!/bin/bash\nexec -a \"$(cat built)\" sleep 100000\n"})
    assert run.code == 1
    assert any(f"fab logs {shared.name}" in hint for hint in hints(run)), hints(run)


# --- the host ---

@pytest.fixture
def set_up(shared: App) -> Iterator[Any]:
    """set_up(**settings of web1); they are gone after the test."""
    def give(**settings: Any) -> App:
        shared.settings["web1"] = settings
        shared.write()
        return shared

    with shared.with_settings():
        yield give


def interpreter(folder: Path, text: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_deploy_refuses_a_host_without_python(set_up: Any) -> None:
    refused(set_up(python="no-such-python"), 2, "web1: there is no no-such-python on the host", "`python:`")


def test_deploy_refuses_a_host_whose_python_is_too_old(set_up: Any, tmp_path: Path) -> None:
    """The output of an old one before it gives up; tests/remote runs the real ones."""
    old = next(iter(sorted(Path.home().glob(".pyenv/versions/3.[67].*/bin/python"))), None)
    if old is None:
        pytest.skip("no old interpreter")
    refused(set_up(python=str(old)), 2, "is older than 3.8", "`python`")


@pytest.mark.parametrize(("script", "message", "hint"), [
    (None, "web1: git is not installed", "install git"),
    ("echo git version 1.8.3.1", "web1: git 1.8.3.1 is older than 2.20", "install a newer git"),
    ("echo git: error while loading shared libraries >&2; exit 127",
     "web1: git does not run: git: error while loading shared libraries", "git --version")])
def test_deploy_refuses_a_host_without_a_git_that_serves(set_up: Any, tmp_path: Path, script: str | None, message: str,
                                                         hint: str) -> None:
    """In no other PATH: neither sshd's nor the profile's. With sh in it, it is one of the user's own choice."""
    path = f"{tmp_path}/bin"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").symlink_to("/bin/sh")
    if script:
        (tmp_path / "bin/git").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin/git").chmod(0o755)
    (tmp_path / ".profile").write_text(f"PATH={path}\n")
    python = interpreter(tmp_path, f"export PATH={path} HOME={tmp_path}\nexec {sys.executable} \"$@\"")
    refused(set_up(python=python), 2, message, hint)


def test_deploy_refuses_a_root_that_does_not_exist(set_up: Any, tmp_path: Path) -> None:
    refused(set_up(root=str(tmp_path / "nowhere")), 2, f"the root {tmp_path}/nowhere does not exist", "`root`")


def test_deploy_refuses_a_root_that_is_not_writable(set_up: Any) -> None:
    refused(set_up(root="/sys/kernel"), 2, "cannot write below the root /sys/kernel", "writable")


def test_full_disk_is_named_and_changes_nothing(shared: App, tmp_path: Path) -> None:
    """Said as such, with where to look; what was there is untouched, and the next deploy works."""
    app, before, pid = shared, shared.state("web1"), shared.pid("web1")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(small)], check=False,
                      capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        # The state folder is what gets no byte any more: the journal cannot be written.
        state = app.lab["web1"].root / ".fabvisor" / app.name
        shutil.copytree(state, small, dirs_exist_ok=True)
        subprocess.run(["mount", "--bind", str(small), str(state)], check=True)
        try:
            with (small / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
                while True:
                    file.write(b"x" * 4096)
            app.commit(f"{app.name}-fits")
            run = app.deploy("--host", "web1")
        finally:
            subprocess.run(["umount", str(state)], check=True)
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert run.code in (1, 3), run
    assert "No space left on device" in messages(run) and "df -h" in messages(run), messages(run)
    assert (app.state("web1"), app.pid("web1")) == (before, pid)
    assert app.deploy("--host", "web1").code == 0
    assert app.running("web1") == f"{app.name}-fits"


def test_deploy_refuses_a_supervisord_without_unix_socket(shared: App) -> None:
    conf = shared.lab["web1"].conf
    text = conf.read_text()
    conf.write_text(re.sub(r"(?m)^(file|serverurl)=.*\n", "", text))
    try:
        refused(shared, 2, "has no unix socket", "[unix_http_server] file=")
    finally:
        conf.write_text(text)


# --- repositories ---

def test_repository_that_asks_for_a_password_is_refused_with_a_remedy(app: App) -> None:
    with answering(401, WWW_Authenticate='Basic realm="git"') as port:
        repo = f"http://127.0.0.1:{port}/monitor.git"
        app.write(repo=repo)
        refused(app, 2, "the git server refuses this host's user", "deploy key", f"git ls-remote {repo}")


def test_commit_that_does_not_exist_is_refused_with_a_remedy(shared: App) -> None:
    run = shared.deploy("--revision", "0" * 39 + "1", "--host", "web1")
    assert run.code == 2
    assert "no commit, branch or tag" in messages(run) and "push it" in messages(run)


def test_deploy_follows_a_moved_tag_and_a_forced_branch(make_app: MakeApp) -> None:
    """A tag that moved, and a branch that was pushed with force, are what they are now."""
    app = make_app()
    work = app.repo.with_suffix("")
    git(work, "tag", "v1")
    git(work, "push", "--quiet", "origin", "v1")
    assert app.deploy("--revision", "v1", "--host", "web1").code == 0
    gone = app.commit(f"{app.name}-gone")
    assert app.deploy("--host", "web1").code == 0
    git(work, "reset", "--quiet", "--hard", "HEAD~1")
    new = app.commit(f"{app.name}-new")
    git(work, "tag", "--force", "v1")
    git(work, "push", "--quiet", "--force", "origin", "v1")
    assert app.deploy("--host", "web1", "--force").code == 0
    assert app.lab["web1"].head(app.name) == new
    assert app.deploy("--host", "web1", "--revision", "v1").finished["outcome"] == "unchanged"
    assert app.lab["web1"].head(app.name) == new
    run = app.fab("rollback", app.name, "--host", "web1")
    assert run.code == 0, run
    assert app.lab["web1"].head(app.name) == gone, "what no branch holds any more is still on the host"


@pytest.mark.long
def test_shallow_clone_fetches_older_commits_when_asked(make_app: MakeApp) -> None:
    """Somebody made it by hand with --depth 1: older commits are fetched when they are asked for."""
    app = make_app()
    old = git(app.repo, "rev-parse", "main")
    app.commit(f"{app.name}-2")
    directory = app.lab["web1"].directory(app.name)
    directory.parent.mkdir(exist_ok=True)
    git(app.lab.folder, "clone", "--quiet", "--depth", "1", f"file://{app.repo}", str(directory))
    newer = app.commit(f"{app.name}-3")
    assert app.deploy("--host", "web1").code == 0
    assert app.lab["web1"].head(app.name) == newer
    run = app.deploy("--host", "web1", "--revision", old)
    assert run.code == 0, run
    assert app.running("web1") == f"{app.name}-1"


# --- the way in ---

@pytest.fixture
def door(shared: App, tmp_path: Path) -> Iterator[Any]:
    """door(shell=, options=, name=): another sshd of web1; returns what a home folder has of ssh for it."""
    opened: list[Sshd] = []

    def open_(**how: Any) -> Sshd:
        server = Sshd(tmp_path, **how)
        opened.append(server.__enter__())
        (tmp_path / ".ssh").mkdir(exist_ok=True)
        with (tmp_path / ".ssh/known_hosts").open("a") as file:
            file.write(server.known_hosts_line)
        shared.settings["web1"] = {"port": server.port, "identity_file": str(server.client_key)}
        shared.write()
        return server

    with shared.with_settings():
        yield open_
    for server in opened:
        server.__exit__(None, None, None)


def through(shared: App, tmp_path: Path) -> None:
    """A whole deploy by that door."""
    run = shared.deploy("--host", "web1", "--force", HOME=str(tmp_path))
    assert run.code == 0, run
    assert run.outcome("web1", shared.name) == "committed"


@pytest.mark.rows(1)
@pytest.mark.parametrize("shell", ["fish", "tcsh"])
def test_deploy_works_through_any_login_shell(shared: App, door: Any, tmp_path: Path, shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell}")
    door(shell=path)
    through(shared, tmp_path)


def test_deploy_works_when_the_login_shell_prints_a_banner(shared: App, door: Any, tmp_path: Path) -> None:
    talker = tmp_path / "talker"
    talker.write_text('#!/bin/sh\necho "*** Welcome ***"; echo "{not json"; printf "no end" ; echo oops >&2\n'
                      'exec /bin/bash "$@"\n')
    talker.chmod(0o755)
    door(shell=str(talker))
    through(shared, tmp_path)


def test_deploy_works_over_ipv6(shared: App, door: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    server = door(options=["ListenAddress ::1"])
    (tmp_path / ".ssh/known_hosts").write_text(
        server.known_hosts_line.replace("[127.0.0.1]", "[::1]"))
    shared.settings["web1"]["address"] = "::1"
    shared.write()
    through(shared, tmp_path)


def test_deploy_follows_the_users_ssh_config(shared: App, door: Any, tmp_path: Path) -> None:
    """Include, ProxyJump none where another Host names one, an IdentityFile that is missing."""
    server = door()
    (tmp_path / ".ssh/hosts.d").mkdir()
    (tmp_path / ".ssh/hosts.d/web").write_text(
        f"Host web1\n  HostName {server.host}\n  Port {server.port}\n  User {server.user}\n  ProxyJump none\n"
        f"  IdentityFile {tmp_path}/missing\n  IdentityFile {server.client_key}\n")
    (tmp_path / ".ssh/config").write_text(f"Include {tmp_path}/.ssh/hosts.d/*\nHost *\n  ProxyJump nowhere.invalid\n")
    bare = {key: value for key, value in shared.lab["web1"].settings().items() if key in ("root", "python")}
    bare["variables"] = {"HOST": "web1", "GATE": str(shared.gate)}
    written = shared.inventory.read_text()
    import yaml

    whole = yaml.safe_load(written)
    whole["environments"]["test"]["hosts"] = {"web1": bare}
    shared.inventory.write_text(yaml.safe_dump(whole))
    try:
        through(shared, tmp_path)
    finally:
        shared.inventory.write_text(written)


def test_gateway_resolves_the_host_and_its_key_is_checked(shared: App, door: Any, tmp_path: Path) -> None:
    """The host's own name and port are the gateway's to find; a key that it does not know stops it all the same."""
    jump = shared.lab["web2"].sshd
    server = door()
    jump.authorize(server.client_key)
    shared.settings["web1"]["gateway"] = f"{jump.user}@{jump.host}:{jump.port}"
    shared.write()
    with (tmp_path / ".ssh/known_hosts").open("a") as file:
        file.write(jump.known_hosts_line)
    through(shared, tmp_path)
    (tmp_path / ".ssh/known_hosts").write_text(server.known_hosts_line)
    run = shared.deploy("--host", "web1", "--force", HOME=str(tmp_path))
    assert run.code == 2, run
    assert "web1: gateway 127.0.0.1" in messages(run) and "unknown host key" in messages(run)


# --- Ctrl-C ---

@pytest.mark.parametrize("command", [["status"], ["logs", "all"]])
def test_ctrl_c_ends_a_command_while_a_host_is_silent(shared: App, command: list[str]) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with shared.with_settings(web2={"port": mute.getsockname()[1], "connect_timeout": 60}):
            client = shared.start(*command)
            link, _ = mute.accept()
            begin = time.monotonic()
            client.signal(signal.SIGINT)
            run = client.end(30)
            link.close()
    assert (run.code, run.finished["exit_code"]) == (130, 130), run
    assert time.monotonic() - begin < 30


# --- a bug ---

@pytest.mark.promise(7)
def test_crash_report_holds_the_traceback_and_no_secret(make_app: MakeApp, tmp_path: Path) -> None:
    """Versions, what was typed, what happened last, the traceback; and no secret."""
    app = make_app(secrets=["TOKEN"])
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hook:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tasks.rollout.transaction.coordinator':\n"
        "            import os\n"
        "            raise ZeroDivisionError('with ' + os.environ['TOKEN'])\n"
        "sys.meta_path.insert(0, Hook())\n")
    value = "it's \"secret\\4711\""
    run = app.deploy("--junit", value.replace(" ", ""), TOKEN=value, PYTHONPATH=str(tmp_path),
                     TMPDIR=str(tmp_path))
    assert run.code == 1, run
    assert "a bug: ZeroDivisionError: with ***" in messages(run)
    path = Path(hints(run)[0].rpartition(" ")[2])
    story = path.read_text()
    assert path.parent == tmp_path and path.stat().st_mode & 0o077 == 0
    for words in ("Python 3.", "paramiko 5", f"deploy {app.name}", "Traceback", "with ***"):
        assert words in story, story
    assert "4711" not in run.out + run.err + story.replace(value.replace(" ", ""), "")


def test_crash_report_holds_the_hosts_traceback(shared: App, tmp_path: Path) -> None:
    """Its last line is what the screen and the history have; the rest is in the file."""
    # A git that answers as none does.
    real = shutil.which("git")
    (tmp_path / "git").write_text(f'#!/bin/sh\ncase "$*" in *" status "*) printf "1\\0";; *) exec {real} "$@";; esac\n')
    (tmp_path / "git").chmod(0o755)
    profile = shared.lab["web1"].sshd.home / ".profile"
    profile.write_text(f"export PATH={tmp_path}:$PATH\n")
    try:
        run = shared.deploy("--host", "web1", TMPDIR=str(tmp_path))
    finally:
        profile.unlink()
    assert run.code == 1, run
    assert "web1: a bug: IndexError" in messages(run)
    assert "Traceback" not in run.out
    path = Path(hints(run)[0].rpartition(" ")[2])
    story = path.read_text()
    assert path.parent == tmp_path
    assert "Traceback" in story and "executor/git/" in story
