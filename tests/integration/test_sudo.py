"""`sudo: true`: deploys on a host as `apt install supervisor` leaves it, whose login user may use sudo."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.packaged_app import PackagedApp, packaged_app
from tests.support.lab import wait_for
from tests.support.packaged import PYTHON, PackagedHost

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
    www, stranger = host.user("www"), host.user("stranger")
    run = app.fab("deploy", "app")
    assert run.code == 0, run
    program_file = host.program_dir / "app.conf"
    assert app.owner == host.account.pw_uid
    assert (program_file.stat().st_uid, program_file.stat().st_mode & 0o777) == (0, 0o644)
    assert (host.root / "micro/app").stat().st_uid == host.account.pw_uid
    assert app.fab("deploy", "app").outcome("deb1", "app") == "unchanged"
    run = app.fab("deploy", "app", user=www.pw_name)
    assert run.code == 0, run
    assert app.owner == www.pw_uid
    readers = [user.pw_name for user in (host.account, www, stranger) if can_read(user.pw_name, app.env_file)]
    assert readers == [host.account.pw_name, www.pw_name]
    assert app.fab("status", user=www.pw_name).code == 0
    first = app.pid
    app.commit("#!/bin/sh\nexit 1\n")
    run = app.fab("deploy", "app", user=www.pw_name, autorestart="false")
    assert run.code == 1, run
    assert app.owner == www.pw_uid and app.pid != first
    app.commit()
    assert app.fab("deploy", "app").code == 0
    assert app.owner == host.account.pw_uid
    assert not can_read(www.pw_name, app.env_file)
    assert app.fab("rollback", "app").code == 0
    assert not list(host.root.glob(".fabvisor/journal/*.json"))
    wait_for(lambda: not helpers(), "the end of the last helper")


def helpers() -> list[int]:
    """The processes of sudo and of the helpers that it started."""
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and LINE.encode() in _command_of(pid)]


def _command_of(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ")
    except OSError:
        return b""
