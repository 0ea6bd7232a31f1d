"""Promise 12: nothing runs as root unless hosts.yaml says so. On hosts as `apt install supervisor` leaves them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.integration.app import App, messages
from tests.integration.packaged_app import packaged_app
from tests.support.lab import Run
from tests.support.packaged import PackagedHost

pytestmark = pytest.mark.usefixtures("real_hosts")


@pytest.fixture
def packaged() -> Iterator[PackagedHost]:
    """Its socket and its program folder are open to the login user."""
    with PackagedHost() as host:
        os.chown(host.program_dir, host.account.pw_uid, -1)
        (host.etc / "run/supervisor.sock").chmod(0o777)
        yield host


Fab = Callable[..., Run]


@pytest.fixture
def fab(packaged: PackagedHost) -> Iterator[Fab]:
    """fab("deploy", "app", user="www-data"): the options of the program are the keyword arguments."""
    with packaged_app(packaged) as app:
        yield app.fab


def owner(packaged: PackagedHost) -> int:
    return os.stat(f"/proc/{packaged.rpc.getProcessInfo('app:app')['pid']}").st_uid


@pytest.mark.promise(8)
def test_deploy_fails_and_names_the_owner_when_the_login_user_cannot_replace_a_file(packaged: PackagedHost) -> None:
    """git prints a warning, and exits 0."""
    with packaged_app(packaged) as app:
        app.lab.commit("app", {"conf/app.yml": "old"})
        assert app.fab("deploy", "app").code == 0
        folder = packaged.root / "micro/app/conf"
        os.chown(folder, 0, 0)
        app.lab.commit("app", {"conf/app.yml": "new", "conf/new.yml": "new"})
        run = app.fab("deploy", "app")
        assert run.code == 1, run
        assert f"{packaged.account.pw_name} cannot write {folder}, which belongs to root" in app.words(run)
        assert f"sudo chown -R {packaged.account.pw_name} {folder}" in app.words(run)
        assert app.lab.fab("status").code == 0
        assert (folder / "app.yml").read_text() == "old"
        os.chown(folder, packaged.account.pw_uid, -1)
        assert app.fab("deploy", "app").code == 0
        assert (folder / "new.yml").exists()


@pytest.mark.promise(9)
def test_clone_of_another_user_is_refused_by_plan_and_deploy_in_the_same_words(packaged: PackagedHost) -> None:
    """Of a program that somebody wrote. Its log folder is missing, and the deploy may not make it."""
    with packaged_app(packaged) as app:
        clone = packaged.root / "micro/theirs"
        (clone / ".git").mkdir(parents=True)
        (packaged.program_dir / "app.conf").write_text("[program:app]\ncommand=/bin/true\nautostart=false\n")
        app.service["directory"] = "micro/theirs"
        for command in ("plan", "deploy"):
            run = app.fab(command, "app")
            assert run.code == 2 and f"the service directory belongs to another user, root: {clone}" in run.out, run
        (packaged.program_dir / "app.conf").unlink()


@pytest.mark.promise(12)
def test_program_of_roots_supervisord_runs_as_the_login_user_unless_told_otherwise(packaged: PackagedHost, fab: Fab
                                                                                   ) -> None:
    run = fab("deploy", "app")
    assert run.code == 0, run
    assert owner(packaged) == packaged.account.pw_uid
    assert f"user={packaged.account.pw_name}\n" in (packaged.program_dir / "app.conf").read_text()
    assert (packaged.root / ".fabvisor/app/env").stat().st_mode & 0o777 == 0o600
    assert fab("status").code == 0
    assert fab("deploy", "app").outcome("deb1", "app") == "unchanged"
    assert fab("deploy", "app", user="root").code == 0
    assert owner(packaged) == 0
    status = fab("status")
    remark = "it runs as root, and hosts.yaml does not say so"
    assert status.code == 1 and f"{remark}: fab deploy app --force" in status.out
    other = packaged.program_dir / "other.conf"
    other.write_text("[program:app]\ncommand=true\n")
    assert remark in fab("status").out, "also where something hinders a deploy"
    other.unlink()
    assert fab("deploy", "app").code == 0
    assert owner(packaged) == packaged.account.pw_uid


@pytest.mark.promise(12)
@pytest.mark.parametrize(("user", "words"), [
    ("no-such-user", "the user no-such-user, as whom app shall run, does not exist"),
    ("daemon", "app shall run as daemon, who cannot enter"),
])
def test_user_that_cannot_run_the_program_is_refused_before_anything(packaged: PackagedHost, fab: Fab, user: str,
                                                                     words: str) -> None:
    packaged.root.chmod(0o700)
    plan, deploy, status = (fab(*args, user=user) for args in (("plan", "app"), ("deploy", "app"), ("status",)))
    assert (plan.code, deploy.code, status.code) == (2, 2, 1), (plan, deploy, status)
    for run in (plan, deploy, status):
        assert words in run.out, run
    assert not (packaged.root / "app").exists() and not list(packaged.program_dir.iterdir())


@pytest.mark.promise(12)
def test_root_as_the_login_user_runs_a_program_as_root_only_where_that_is_written(app: App) -> None:
    """Of the program, or of the host: `user: root`."""
    app.alone().write(program={"startsecs": 0, "user": "0"})
    assert "would run as root, and hosts.yaml does not say so" in messages(app.deploy())
    app.write(program={"startsecs": 0, "stopwaitsecs": 5})
    whole = yaml.safe_load(app.inventory.read_text())
    del whole["services"][app.name]["program"]["user"]
    for settings in whole["environments"]["test"]["hosts"].values():
        assert settings.pop("user") == "root"
    app.inventory.write_text(yaml.safe_dump(whole))
    run = app.deploy()
    assert run.code == 2, run
    assert f"{app.name} would run as root, and hosts.yaml does not say so" in messages(run)
    assert f"at {app.name}: program: {{user: root}}" in messages(run)
    service = whole["services"][app.name]
    several = {"programs": {name: {"command": "./run.sh"} for name in ("web", "worker")}}
    rest = {key: value for key, value in service.items() if key not in ("command", "program")}
    app.inventory.write_text(yaml.safe_dump({**whole, "services": {app.name: {**rest, **several}}}))
    assert f"at each program of {app.name}: program: {{user: root}}" in messages(app.deploy())
    for settings in whole["environments"]["test"]["hosts"].values():
        settings["user"] = "root"
    app.inventory.write_text(yaml.safe_dump(whole))
    assert app.deploy().code == 0
    assert app.fab("status").code == 0
    app.write(program={"startsecs": 0, "user": "daemon"})
    app.lab.folder.chmod(0o711)
    run = app.deploy()
    assert run.code == 0, run
    assert os.stat(f"/proc/{app.pid('web1')}").st_uid == app.env_file("web1").stat().st_uid != 0
    assert app.env_file("web1").stat().st_mode & 0o777 == 0o600
    app.write(program={"startsecs": 0, "user": "root"})
    assert app.deploy().code == 0
    assert app.env_file("web1").stat().st_uid == 0
