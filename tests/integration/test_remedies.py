"""Messages that no other test meets, each provoked for real: the words, the remedy, the exit code, nothing changed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.app import HEALTH, App, messages
from tests.integration.conftest import MakeApp, Proxied
from tests.integration.test_host_failures import interpreter
from tests.support.lab import CHECKOUT, Lab, Run, wait_for


def refused(app: App, code: int, *words: str, command: str = "deploy") -> Run:
    before, pids = app.states(), app.pids()
    run = app.fab(command, app.name)
    assert run.code == code, run
    for word in words:
        assert word in messages(run), messages(run)
    assert (app.states(), app.pids()) == (before, pids)
    return run


# --- supervisord ---

@pytest.mark.long
@pytest.mark.usefixtures("real_hosts")
def test_remedy_names_a_restart_when_supervisords_password_was_changed() -> None:
    with Lab(("web1",)) as lab:
        host = lab["web1"]
        text = host.conf.read_text()
        host.stop_supervisord()
        host.conf.write_text(text.replace("[unix_http_server]", "[unix_http_server]\nusername=u\npassword=old"))
        # The lab's own way of asking has no password.
        host.daemon = subprocess.Popen([sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(host.conf)],
                                       cwd=host.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(host.root / "supervisor.sock"), "supervisord")
        app = App(lab, "app")
        host.conf.write_text(host.conf.read_text().replace("password=old", "password=new"))
        run = app.deploy()
        assert run.code == 2, run
        assert f"web1: supervisord refuses the username and password in {host.conf}" in messages(run)
        assert "restart supervisord" in messages(run)
        host.conf.write_text(host.conf.read_text().replace("password=new", "password=old"))
        assert app.fab("plan", "app").code == 0
        assert not host.directory("app").exists()


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


@pytest.mark.long
def test_remedy_names_the_owner_when_the_socket_belongs_to_another_user(shared: App, tmp_path: Path) -> None:
    """Root may use every socket, unless it gives that up."""
    python = interpreter(tmp_path, "exec setpriv --bounding-set -dac_override,-dac_read_search "
                                   f"{sys.executable} \"$@\"")
    if os.getuid():
        python = sys.executable
    sock = shared.lab["web1"].root / "supervisor.sock"
    mode = sock.stat().st_mode & 0o777
    before = shared.state("web1"), shared.pid("web1")
    sock.chmod(0)
    try:
        with shared.with_settings(web1={"python": python}):
            run = shared.deploy("--host", "web1", "--force")
    finally:
        sock.chmod(mode)
    assert run.code == 2, run
    assert "web1: no permission to use supervisord's socket" in messages(run)
    assert "log in as the user that runs supervisord" in messages(run)
    assert (shared.state("web1"), shared.pid("web1")) == before


def test_deploy_refuses_a_running_program_whose_file_was_removed(make_app: MakeApp) -> None:
    """The running program has no file any more: it could not be brought back."""
    app = make_app().alone().deployed()
    app.program_file("web1").unlink()
    words = f"{app.name} is known to supervisord, but in no configuration file any more"
    refused(app, 2, f"web1: {words}")
    (oddity,) = next(row["oddities"] for row in app.fab("status").of("status") if row["service"] == app.name)
    assert oddity.startswith(words)
    supervisorctl, _, rest = oddity.partition("or stop it: ")[2].partition(" ")
    assert supervisorctl == "supervisorctl"
    subprocess.run([sys.executable, "-m", "supervisor.supervisorctl", *rest.split()], check=True, capture_output=True)
    assert app.deploy().code == 0


# --- versions and repositories ---

@pytest.mark.long
def test_rollback_names_each_hosts_version_when_they_differ(make_app: MakeApp) -> None:
    app = make_app().deployed("--host", "web1")
    one = app.lab["web1"].head(app.name)
    two = app.commit(f"{app.name}-2")
    app.deployed("--host", "web2")
    app.commit(f"{app.name}-3")
    app.deployed()
    refused(app, 2, f"{app.name}: the hosts were at different versions before:", f"web1: {one}", f"web2: {two}",
            "--to REVISION", command="rollback")
    assert app.fab("rollback", app.name, "--to", one).code == 0
    assert app.commits() == [one, one]


def test_rollback_refuses_when_there_is_no_earlier_version(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    refused(app, 2, f"{app.name}: no earlier version in the history of any host", "--to REVISION", command="rollback")


def test_remedy_names_git_ls_remote_when_the_git_servers_key_is_unknown(app: App) -> None:
    sshd = app.lab["web2"].sshd
    repo = f"ssh://{sshd.user}@{sshd.host}:{sshd.port}{app.repo}"
    app.alone().write(repo=repo)
    refused(app, 2, f"the host does not know the git server's host key ({repo})",
            f"type once on the host, and compare the fingerprint: git ls-remote {repo}")


def test_deploy_refuses_a_repository_that_needs_git_lfs(make_app: MakeApp) -> None:
    if shutil.which("git-lfs"):
        pytest.skip("git-lfs is installed")
    app = make_app().alone().deployed()
    app.commit(f"{app.name}-2", {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "x.bin": "stored"})
    run = app.deploy()
    assert run.code == 2, run
    assert "the repository needs git-lfs, which is not installed" in messages(run)
    assert "install git-lfs on the host" in messages(run)
    assert app.running("web1") == f"{app.name}-1"


@pytest.mark.long
def test_deploy_refuses_a_clone_of_another_user(make_app: MakeApp) -> None:
    """git itself refuses it."""
    if os.getuid():
        pytest.skip("only root gives files away")
    app = make_app().deployed("--host", "web1")
    clone = app.lab["web1"].directory(app.name)
    subprocess.run(["chown", "-R", "65534", str(clone)], check=True)
    app.commit(f"{app.name}-2")
    for command in ("deploy", "plan", "restart", "stop", "rollback", "recover"):
        run = app.fab(command, app.name, "--host", "web1")
        assert run.code == 2, run
        assert f"the service directory belongs to another user, nobody: {clone}" in messages(run)
        assert f"sudo chown -R root {clone}" in messages(run)
    (row,) = [event for event in app.fab("status", "--service", app.name).events
              if event["event"] == "status" and event["host"] == "web1"]
    assert f"belongs to another user, nobody: {clone}" in str(row["oddities"])
    subprocess.run(["chown", "-R", str(os.getuid()), str(clone)], check=True)
    assert app.running("web1") == f"{app.name}-1"
    assert app.deploy("--host", "web1").code == 0


# --- secrets ---

@pytest.mark.promise(9)
def test_unreadable_secret_file_is_refused_before_any_host(app: App) -> None:
    app.write(secrets=["TOKEN"])
    contacted = [app.lab[host].sshd.log for host in app.hosts]
    run = app.deploy(TOKEN="/proc/self/mem")            # a file that even root cannot read from its beginning
    assert run.code == 2, run
    assert "the secret TOKEN names a file that cannot be read: Input/output error" in messages(run)
    assert [app.lab[host].sshd.log for host in app.hosts] == contacted, "a host was contacted"


# --- the way back ---

def test_missing_backup_exits_3_and_keeps_the_journal(make_app: MakeApp) -> None:
    """A person is needed, and the journal stays."""
    app = make_app(health=HEALTH).deployed("--host", "web1")
    client = app.begin("hold", "checking", f"{app.name}-2", "--host", "web1")
    for backup in (app.lab["web1"].root / ".fabvisor" / app.name).glob("before-*"):
        shutil.rmtree(backup)
    client.signal(signal.SIGTERM)
    run = client.end()
    assert run.code == 3, run
    assert "which held the files of before, no longer exists" in messages(run)
    assert app.lab["web1"].leftovers()


# --- a host that is lost ---

@pytest.mark.promise(3)
@pytest.mark.promise(8)
def test_lost_host_is_named_with_what_it_will_do_by_itself(proxied: Proxied) -> None:
    """It is named, with what it will do by itself and when; and it does that."""
    app, proxy = proxied
    app.write(health=HEALTH)
    assert app.deploy("--host", "web1").code == 0
    before = app.state("web1")
    client = app.begin("hold", "checking", f"{app.name}-2", "--host", "web1")
    proxy.__exit__()
    run = client.end(90)
    assert run.code == 3, run
    why = str(run.finished["hosts"]["web1"][app.name]["why"])
    assert why.startswith("it is not known how the deploy ended (")
    assert "the host goes back by itself within 30 s, unless it has received the commit" in why
    assert f"fab recover {app.name}" in messages(run)
    app.wait_restored("web1")
    assert app.state("web1") == before


# --- the sandbox ---

@pytest.mark.usefixtures("real_hosts")
def test_sandbox_refuses_a_machine_without_git() -> None:
    with Lab(()) as lab:
        run = lab.fab("deploy", "monitor", FAB_INVENTORY=str(CHECKOUT / "hosts.yaml"), TMPDIR=str(lab.folder),
                      PATH="/nowhere")
    assert run.code == 2, run
    assert "the sandbox needs git, and this machine has none" in messages(run)
    assert "install" in messages(run)
    assert run.finished["exit_code"] == 2


@pytest.mark.usefixtures("real_hosts")
def test_sandbox_shows_gits_words_when_git_fails(tmp_path: Path) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\necho 'fatal: out of order' >&2; exit 128\n")
    (tmp_path / "git").chmod(0o755)
    with Lab(()) as lab:
        run = lab.fab("deploy", "monitor", FAB_INVENTORY=str(CHECKOUT / "hosts.yaml"), TMPDIR=str(lab.folder),
                      PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert run.code == 1, run
    assert "the sandbox's repository could not be made: fatal: out of order" in messages(run)
