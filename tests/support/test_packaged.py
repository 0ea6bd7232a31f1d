"""The packaged host of the tests is as Debian leaves it: what is root's is closed to the login user."""

from __future__ import annotations

import pwd
import subprocess

import pytest

from tests.support.packaged import PackagedHost


def login(host: PackagedHost, command: str) -> subprocess.CompletedProcess[str]:
    options = ["-i", str(host.sshd.client_key), "-p", str(host.sshd.port), "-o", "BatchMode=yes",
               "-o", f"UserKnownHostsFile={host.sshd.known_hosts_file()}"]
    return subprocess.run(["ssh", *options, f"{host.sshd.user}@127.0.0.1", command], check=False, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)


@pytest.mark.usefixtures("real_hosts")
def test_login_user_reaches_supervisord_only_by_sudo() -> None:
    with PackagedHost() as host:
        ask = f"test -w {host.etc}/run/supervisor.sock && echo open"
        assert login(host, "id -un").stdout == f"{host.account.pw_name}\n"
        assert login(host, ask).stdout == ""
        assert login(host, f"sudo -n sh -c '{ask}'").stdout == ""
        host.allow_sudo()
        assert login(host, f"sudo -n sh -c '{ask}'").stdout == "open\n"
    with pytest.raises(KeyError):
        pwd.getpwnam(host.account.pw_name)
