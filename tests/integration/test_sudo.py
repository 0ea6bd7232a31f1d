"""`sudo: true`: deploys on a host as `apt install supervisor` leaves it, whose login user may use sudo."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.sudo.sudo_access import SudoAccess
from tasks.executor.supervisor.supervisord_access import SupervisordAccess
from tests.executor.test_sockets import SERVER, versions
from tests.integration.packaged_app import PackagedApp, packaged_app
from tests.integration.test_own_tasks import installed, launch
from tests.support.forked import Program
from tests.support.lab import git, wait_for
from tests.support.load import Load, ask
from tests.support.packaged import PYTHON, PackagedHost
from tests.support.processes import command_line

pytestmark = pytest.mark.usefixtures("real_hosts")

LINE = f"{PYTHON} -I -S -c exec(eval(input(1)))"


@pytest.fixture
def packaged() -> Iterator[PackagedHost]:
    with PackagedHost() as host:
        host.conf.chmod(0o600)                  # may hold the password of its socket
        host.allow_sudo(LINE)
        yield host


@pytest.fixture
def app(packaged: PackagedHost) -> Iterator[PackagedApp]:
    with packaged_app(packaged, sudo=True) as made:
        yield made


def can_read(user: str, path: object) -> bool:
    return subprocess.run(["runuser", "-u", user, "--", "cat", str(path)], check=False,
                          capture_output=True).returncode == 0


@pytest.mark.promise(12)
def test_sudo_deploys_to_roots_supervisord_as_the_login_user_and_as_another(app: PackagedApp) -> None:
    """There, unchanged, there with another version, with another user, and back."""
    host = app.host
    app.service = {"files": {"conf/app": {"variables": True, "mode": "0600"}}}
    www, stranger = host.user("www"), host.user("stranger")
    run = app.fab("deploy", "app")
    assert run.code == 0, run
    program_file = host.program_dir / "app.conf"
    assert app.owner == host.account.pw_uid
    assert (program_file.stat().st_uid, program_file.stat().st_mode & 0o777) == (0, 0o644)
    assert (host.root / "micro/app").stat().st_uid == host.account.pw_uid
    again = app.fab("deploy", "app")
    assert again.outcome("deb1", "app") == "unchanged", again.out
    run = app.fab("deploy", "app", user=www.pw_name)
    assert run.code == 0, run
    assert app.owner == www.pw_uid
    placed = host.root / "micro/app/conf/app"
    for file in (app.env_file, placed):
        readers = [user.pw_name for user in (host.account, www, stranger) if can_read(user.pw_name, file)]
        assert readers == [host.account.pw_name, www.pw_name]
    status, plan = app.fab("status", user=www.pw_name), app.fab("plan", "app", user=www.pw_name)
    assert status.code == 0 and [event["user"] for event in status.of("status")] == [www.pw_name]
    assert [(event["user"], event["steps"]) for event in plan.of("plan")] == [(www.pw_name, [])]
    assert f"RUNNING as {www.pw_name}" in app.lab.fab("status", format="plain").out
    first = app.pid
    app.commit("#!/bin/sh\nexit 1\n")
    run = app.fab("deploy", "app", user=www.pw_name, autorestart="false")
    assert run.code == 1, run
    assert app.owner == www.pw_uid and app.pid != first
    app.commit()
    assert app.fab("deploy", "app").code == 0
    assert app.owner == host.account.pw_uid
    assert not can_read(www.pw_name, app.env_file) and not can_read(www.pw_name, placed)
    assert app.fab("rollback", "app").code == 0
    removed = app.fab("remove", "app", "--purge")
    assert removed.code == 0, removed
    assert not [path for path in (program_file, host.root / "micro/app", app.env_file) if path.exists()], removed
    assert not list(host.root.glob(".fabvisor/journal/*.json"))
    wait_for(lambda: not helpers(app), "the end of the last helper")


def helpers(app: PackagedApp) -> list[int]:
    """The processes of sudo and of the helpers that it started for the login user of this host, whom no other has."""
    user = f"USER={app.host.account.pw_name}\0".encode()        # of sudo, and SUDO_USER of the helper
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if LINE.encode() in command_line(pid) and user in environment(pid)]


def environment(pid: int) -> bytes:
    """As it was when the process began; empty where there is none any more."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""


PASSWORD = "wide open"
FABFILE = """
from fabvisor import namespace, on_hosts


@on_hosts()
def who(c):
    c.sudo("id -un")


namespace.add_task(who)
"""


@pytest.mark.promise(9)
def test_sudo_that_refuses_us_is_told_before_anything(app: PackagedApp) -> None:
    """By plan, deploy and status in the same words; nothing is made on the host."""
    host, login = app.host, app.host.account.pw_name
    add = f"add on the host with visudo: {login} ALL=(root) NOPASSWD: {LINE}"
    password = f"sudo wants a password of {login}: --prompt-for-sudo-password asks for it; or {add}"
    terminal = (f"sudo wants a terminal (requiretty), and {login} has none here: add on the host with visudo: "
                f"Defaults:{login} !requiretty")
    for allow, words, commands in (
            (lambda: host.allow_sudo(LINE, tag=""), password, (("plan", "app"), ("deploy", "app"), ("status",))),
            (lambda: host.allow_sudo(LINE, defaults="requiretty"), terminal, (("deploy", "app"),)),
            (host.forbid_sudo, password, (("deploy", "app"),))):
        allow()
        for command in commands:
            run = app.fab(*command)
            assert run.code == 2 and words in app.words(run), (command, run)
    run = app.fab("deploy", "app", env={"FABRIC_SUDO_PASSWORD": "x"})
    assert run.code == 2 and add in app.words(run), run
    assert not list(host.root.iterdir()) and not list(host.program_dir.iterdir())


@pytest.mark.promise(7)
def test_sudo_password_of_fabric_reaches_sudo_and_nothing_else(app: PackagedApp, tmp_path: Path) -> None:
    host = app.host
    host.set_password(PASSWORD)
    host.allow_sudo(LINE, tag="", defaults="lecture=always")
    wrong = app.fab("deploy", "app", env={"FABRIC_SUDO_PASSWORD": "closed forever"})
    assert wrong.code == 2, wrong
    assert f"sudo does not take the password of {host.account.pw_name}" in app.words(wrong)
    run = app.fab("deploy", "app", env={"FABRIC_SUDO_PASSWORD": PASSWORD})
    assert run.code == 0, run
    (app.lab.home / ".fabric.yaml").write_text(f"sudo: {{password: {PASSWORD}}}\n")
    assert app.fab("status").code == 0
    host.allow_sudo("ALL", tag="", defaults="lecture=always")
    (tmp_path / "fabfile.py").write_text(FABFILE)
    own = launch(app.lab, installed(tmp_path), "who")
    assert own.code == 0 and "root" in [line["line"] for line in own.of("log")], own
    said = "".join([run.out, run.err, wrong.out, wrong.err, own.out, own.err])
    written = [path.read_bytes() for path in host.root.rglob("*") if path.is_file() and not path.is_symlink()]
    for word in (PASSWORD, "closed forever"):
        assert word not in said and not [data for data in written if word.encode() in data]


@pytest.fixture
def held(app: PackagedApp) -> Iterator[PackagedApp]:
    """It runs; each further build waits until `go` is there."""
    app.service["build"] = f"test ! -e {app.host.folder}/hold || (touch {app.host.folder}/held/here; " \
                           f"until test -e {app.host.folder}/go; do sleep 0.02; done)"
    (app.host.folder / "held").mkdir()
    (app.host.folder / "held").chmod(0o777)
    assert app.fab("deploy", "app").code == 0
    (app.host.folder / "hold").touch()
    app.commit()
    app.write()
    yield app


def begun(app: PackagedApp) -> Program:
    """A deploy whose build waits."""
    client = app.lab.popen("deploy", "app", "--format", "json")
    wait_for((app.host.folder / "held/here").exists, "the build")
    return client


def end_helpers(app: PackagedApp) -> None:
    for pid in helpers(app):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.promise(3)
def test_deploy_goes_back_with_another_helper_when_the_helper_is_killed(held: PackagedApp) -> None:
    before = held.pid, (held.host.program_dir / "app.conf").read_text()
    client = begun(held)
    end_helpers(held)
    (held.host.folder / "go").touch()
    out, _ = client.communicate(timeout=60)
    assert client.returncode == 1 and "the helper that sudo started ended" in out, out
    assert (held.pid, (held.host.program_dir / "app.conf").read_text()) == before
    assert held.fab("status").code == 0


@pytest.mark.long
@pytest.mark.promise(4)
def test_recover_says_that_sudo_refuses_and_restores_once_it_does_not(held: PackagedApp) -> None:
    """sudo is taken away in the middle: what was begun stays journaled until it is given back."""
    before = held.pid
    client = begun(held)
    held.host.forbid_sudo()
    end_helpers(held)
    (held.host.folder / "go").touch()
    out, _ = client.communicate(timeout=60)
    words = f"sudo wants a password of {held.host.account.pw_name}"
    assert client.returncode == 3 and words in out, out
    refused = held.fab("recover", "app")
    assert refused.code == 2 and words in held.words(refused), refused
    held.settings["sudo"] = False                   # what was begun needs it all the same
    refused = held.fab("recover", "app")
    held.settings["sudo"] = True
    assert refused.code == 2 and words in held.words(refused), refused
    assert "let hosts.yaml say `sudo: true` until it is undone: fab recover app" in held.words(refused)
    held.host.allow_sudo(LINE)
    run = held.fab("recover", "app")
    assert run.code == 0, run
    assert held.pid == before and held.fab("status").code == 0


@pytest.mark.promise(3)
def test_host_goes_back_and_ends_its_helper_when_the_client_is_killed(held: PackagedApp) -> None:
    before = held.pid
    client = begun(held)
    client.send_signal(signal.SIGKILL)
    client.communicate(timeout=60)
    (held.host.folder / "go").touch()              # also for the build of the version before
    wait_for(lambda: not list(held.host.root.glob(".fabvisor/journal/*.json")), "the undo")
    wait_for(lambda: not helpers(held), "the end of the helper")
    assert held.pid == before and held.fab("status").code == 0


@pytest.mark.long
def test_log_that_is_roots_is_read_through_sudo(app: PackagedApp) -> None:
    """supervisord makes its own log files for root alone. Without sudo it is told whose it is."""
    app.commit("#!/bin/sh\necho first words\nexec sleep 100000\n")
    assert app.fab("deploy", "app", stdout_logfile="AUTO").code == 0
    log = Path(app.host.rpc.getProcessInfo("app:app")["stdout_logfile"])
    assert log.stat().st_uid == 0 and not log.stat().st_mode & 0o007
    wait_for(lambda: "first words" in app.lab.fab("logs", "app").out, "the program's words")
    stranger = app.host.user("stranger").pw_name
    assert can_read(app.host.account.pw_name, log) and not can_read(stranger, log)


PROGRAM = "#!/bin/sh\necho $1 $(cat built)\nexec sleep 100000\n"
UNWELL = '#!/bin/sh\ntest "$1" != worker || exit 1\nexec sleep 100000\n'


@pytest.mark.long
@pytest.mark.promise(3)
def test_several_programs_that_the_client_builds_go_through_sudo_to_another_user(app: PackagedApp) -> None:
    """There; one by its name; an unwell version; a program that goes, and comes back with a rollback."""
    host, www = app.host, app.host.user("www").pw_name
    options = {"startsecs": 0, "autorestart": "false", "user": www}
    programs: dict[str, dict[str, Any]] = {
        name: {"command": f"./run.sh {name}", "program": options} for name in ("web", "worker", "beat")}
    programs["web"]["numprocs"] = 2
    app.service.update(build="date +%N >built", build_on="client", ship=["built"], programs=programs)
    app.commit(PROGRAM)
    run = app.fab("deploy", "app")
    assert run.code == 0, run
    first = pids(host)
    assert sorted(first) == ["app-beat", "app-web_00", "app-web_01", "app-worker"]
    assert {pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name for pid in first.values()} == {www}
    assert [user for user in (host.account.pw_name, www) if can_read(user, app.env_file)] == [
        host.account.pw_name, www]
    status = app.fab("status")
    assert status.code == 0 and len(status.of("status")[0]["programs"]) == 3, status
    assert f"RUNNING 2/2 as {www}" in app.lab.fab("status", format="plain").out
    wait_for(lambda: len(app.fab("logs", "app:web").of("log")) == 2, "a line of each process of web")
    assert app.fab("deploy", "app").outcome("deb1", "app") == "unchanged"
    run = app.fab("restart", "app:worker")
    second = pids(host)
    assert run.code == 0 and {name for name in first if first[name] != second[name]} == {"app-worker"}, run
    beat = programs.pop("beat")
    app.commit(UNWELL)
    run = app.fab("deploy", "app")
    assert run.code == 1 and pids(host).keys() == first.keys(), run
    app.commit(PROGRAM + "# 2\n")
    run = app.fab("deploy", "app")
    assert run.code == 0 and pids(host).keys() == first.keys() - {"app-beat"}, run
    programs["beat"] = beat
    run = app.fab("rollback", "app")
    assert run.code == 0 and pids(host).keys() == first.keys(), run
    assert not list(host.root.glob(".fabvisor/journal/*.json"))


def pids(host: PackagedHost) -> dict[str, int]:
    return {info["name"]: info["pid"] for info in host.rpc.getAllProcessInfo() if info["statename"] == "RUNNING"}


@pytest.mark.long
def test_log_that_is_anothers_is_named_without_sudo(packaged: PackagedHost) -> None:
    os.chown(packaged.program_dir, packaged.account.pw_uid, -1)
    packaged.conf.chmod(0o644)
    (packaged.etc / "run/supervisor.sock").chmod(0o777)
    with packaged_app(packaged) as app:
        assert app.fab("deploy", "app", stdout_logfile="AUTO").code == 0
        run = app.lab.fab("logs", "app")
        assert (f"belongs to root, and {packaged.account.pw_name} cannot read it; write in hosts.yaml, at the host: "
                "sudo: true") in app.words(run), run


@pytest.mark.long
def test_program_file_ends_as_red_hats_include_says() -> None:
    with PackagedHost(include="supervisord.d/*.ini") as host, packaged_app(host, sudo=True) as app:
        host.allow_sudo(LINE)
        assert app.fab("deploy", "app").code == 0
        assert [path.name for path in host.program_dir.iterdir()] == ["app.ini"]
        assert app.fab("deploy", "app").outcome("deb1", "app") == "unchanged"


@pytest.mark.long
def test_service_of_another_hosts_yaml_is_seen_and_left_alone(app: PackagedApp) -> None:
    """status, doctor and remove look at all that was deployed to a host; the helper serves one service alone."""
    assert app.fab("deploy", "app").code == 0
    other = app.host.program_dir / "old.conf"
    other.write_text("; Written by Fabvisor: fab deploy old\n[program:old]\ncommand=sleep 1000\nstartsecs=0\n")
    app.host.rpc.reloadConfig()
    app.host.rpc.addProcessGroup("old")
    rows = {event["service"]: event for event in app.fab("status").of("status")}
    assert rows["app"]["oddities"] == [] and rows["old"]["state"] == "RUNNING", rows
    assert "fab remove old" in rows["old"]["oddities"][0]
    checks = [event for event in app.fab("doctor").of("check") if event["check"] == "programs"]
    assert [event["outcome"] for event in checks] == ["warning"], checks
    assert app.fab("remove", "app", "--purge").code == 0
    assert [info["name"] for info in app.host.rpc.getAllProcessInfo()] == ["old"]
    other.unlink()
    app.host.rpc.stopProcessGroup("old")
    app.host.rpc.removeProcessGroup("old")


@pytest.mark.long
def test_root_of_roots_is_refused_and_serves_with_a_state_of_the_login_user(
        app: PackagedApp) -> None:
    closed = app.host.folder / "opt"
    closed.mkdir(mode=0o755)
    app.settings["root"] = str(closed)
    app.service["directory"] = str(app.host.root / "elsewhere")
    login = app.host.account.pw_name
    run = app.fab("deploy", "app")
    assert run.code == 2, run
    assert f"the root {closed} belongs to root, and {login}, who logs in, cannot write there: on the host: sudo " \
           f"install -d -m 700 -o {login} {closed}/.fabvisor; or let `state`" in app.words(run)
    app.settings["state"] = str(app.host.root / "state")
    assert app.fab("deploy", "app").code == 0
    app.host.allow_sudo()
    app.settings["root"] = str(closed / "app")
    app.write()
    shown = app.lab.fab("setup", "--dry-run", format="plain")
    assert f"\n# root\nsudo sh -eu -s <<'END_OF_ROOT'\ninstall -d -o {login} {closed}/app\nEND_OF_ROOT\n" in shown.out


@pytest.mark.long
@pytest.mark.parametrize("fetch", ["host", "client"])
def test_clone_of_another_user_that_git_would_trust_is_refused_in_the_same_words(
        app: PackagedApp, fetch: str, tmp_path: Path) -> None:
    """`safe.directory = *` lets git read it; the login user cannot write there."""
    folder, owner = app.host.folder / f"www-{fetch}", app.host.user()
    git(app.host.folder, "clone", "--quiet", str(app.repo), str(folder))
    subprocess.run(["chown", "-R", owner.pw_name, str(folder)], check=True)
    app.service.update(directory=str(folder), fetch=fetch)
    for command in ("plan", "deploy", "doctor", "status"):
        run = app.fab(command, *(["app"] if command in ("plan", "deploy") else []),
                      env={"XDG_CACHE_HOME": str(tmp_path)})
        assert run.code == (2 if command in ("plan", "deploy") else 1), run
        said = app.words(run) + str([event["obstacles"] for event in run.of("plan")])
        assert f"the service directory belongs to another user, {owner.pw_name}: {folder}" in said, run
    (app.host.sshd.home / ".gitconfig").unlink()
    found = [event["message"] for event in app.fab("doctor").of("check") if "to another user" in event["message"]]
    assert len(found) == len({*found}) > 0, "two checks find it where git does not trust it either"


def test_access_through_sudo_has_all_that_direct_access_has() -> None:
    """What is not forwarded to the helper would run as the login user."""
    local = {"mode", "program_path", "program_text", "ending", "supervisorctl", "start_command"}
    public = {name for name in vars(SupervisordAccess) if not name.startswith("_")} - local
    assert public <= set(vars(SudoAccess))


@pytest.mark.promise(12)
def test_program_that_does_not_run_as_its_user_goes_back() -> None:
    """What runs counts, not what the file says: this supervisord overlooks `user`."""
    careless = ("import supervisor.process as process; process.Subprocess.set_uid = lambda self: None; "
                "from supervisor.supervisord import main; main()")
    with (PackagedHost(supervisord=(sys.executable, "-c", careless)) as host,
          packaged_app(host, sudo=True) as app):
        host.allow_sudo(LINE)
        run = app.fab("deploy", "app")
        assert run.code == 1, run
        assert f"app runs as root, and {host.program_dir}/app.conf says {host.account.pw_name}" in app.words(run), run
        assert not host.rpc.getAllProcessInfo()


@pytest.mark.long
@pytest.mark.parametrize("bad", ["vHANGS", "vCRASHES"])
def test_processes_of_roots_supervisord_share_a_port_of_root(app: PackagedApp, bad: str) -> None:
    """Port 81 needs root; the processes are the login user's, who sees which of them answers."""
    def commit(version: str) -> None:
        command = f"#!/bin/sh\nexec {PYTHON} -I -S server.py {version}\n"
        app.lab.commit("app", {"run.sh": command, "server.py": SERVER})

    address = "tcp://127.0.0.9:81"
    app.service.update(socket=address, numprocs=2, health={"http": "http://127.0.0.9:81/", "timeout": 5})
    commit("v1")
    assert app.fab("deploy", "app").code == 0
    assert {os.stat(f"/proc/{info['pid']}").st_uid for info in app.host.rpc.getAllProcessInfo()} == {
        app.host.account.pw_uid}
    with Load({"deb1": address}) as load:
        commit(bad)
        failed = app.fab("deploy", "app")
        assert failed.code == 1 and "app_00" in app.words(failed) + failed.out, failed
        assert versions(load) == {"v1"}
        commit("v2")
        assert app.fab("deploy", "app").code == 0
    assert load.failed == [] and ask(address).startswith("v2")
