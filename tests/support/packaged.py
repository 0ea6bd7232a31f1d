"""A host as `apt install supervisor` leaves it: root's supervisord, an ordinary login user, sudo.

The paths of the package lie in a temporary folder; owners and modes are the package's own.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support import guard
from tests.support.lab import supervisord_at, wait_for
from tests.support.processes import descendants, kill
from tests.support.sshd import Sshd
from tests.support.users import let_enter, unix_user

SUDOERS = Path("/etc/sudoers.d")
PYTHON = "/usr/bin/python3"             # the tests' own interpreter may lie where only root can go
# Debian 12's own file, with its paths moved.
CONF = """\
[unix_http_server]
file={etc}/run/supervisor.sock
chmod=0700
[supervisord]
logfile={etc}/log/supervisord.log
pidfile={etc}/run/supervisord.pid
childlogdir={etc}/log
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{etc}/run/supervisor.sock
[include]
files = {include}
"""


class PackagedHost:
    """`with PackagedHost("deb1") as host:`; `include`: "conf.d/*.conf" (Debian) or "supervisord.d/*.ini" (RHEL)."""

    def __init__(self, name: str = "deb1", include: str = "conf.d/*.conf", supervisord: tuple[str, ...] = ()) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="packaged-"))
        guard.watch(self.folder)
        let_enter(self.folder)
        self.etc = self.folder / "etc/supervisor"
        self.conf = self.etc / "supervisord.conf"
        self.program_dir = (self.etc / include).parent
        for folder in (self.program_dir, self.etc / "run", self.etc / "log"):
            folder.mkdir(parents=True, mode=0o755)
        self.conf.write_text(CONF.format(etc=self.etc, include=self.etc / include))
        self.root = self.folder / "srv/app"
        self.daemon: subprocess.Popen[bytes] | None = None
        self._command = supervisord or (sys.executable, "-m", "supervisor.supervisord")
        self._stack = ExitStack()

    def __enter__(self) -> PackagedHost:
        self.account = self._stack.enter_context(unix_user(self.folder, "deploy"))
        self.root.mkdir(parents=True)
        os.chown(self.root, self.account.pw_uid, self.account.pw_gid)
        self.sshd = self._stack.enter_context(Sshd(self.folder, account=self.account))
        self._stack.callback(self.stop_supervisord)
        self._stack.callback(self._sudoers.unlink, missing_ok=True)
        self.start_supervisord()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()
        guard.clear(self.folder)

    def user(self, prefix: str = "www") -> pwd.struct_passwd:
        """One more user of the host, such as www-data."""
        return self._stack.enter_context(unix_user(self.folder, prefix))

    def allow_sudo(self, command: str = "ALL", tag: str = "NOPASSWD: ", defaults: str = "") -> None:
        """A line in sudoers for the login user; `defaults` such as "requiretty" go before it."""
        lines = [f"Defaults:{self.account.pw_name} {defaults}"] if defaults else []
        self._write_sudoers("\n".join([*lines, f"{self.account.pw_name} ALL=(root) {tag}{command}", ""]))

    def set_password(self, password: str) -> None:
        """Of the login user, for a sudo that asks for it."""
        guard.change_users(["chpasswd"], stdin=f"{self.account.pw_name}:{password}\n")

    def forbid_sudo(self) -> None:
        self._write_sudoers("")

    def _write_sudoers(self, text: str) -> None:
        """The sudo of another test reads all of these files: none is ever torn. It overlooks names that end in ~."""
        aside = self._sudoers.with_name(self._sudoers.name + "~")
        aside.write_text(text)
        aside.chmod(0o440)
        aside.replace(self._sudoers)

    @property
    def _sudoers(self) -> Path:
        return SUDOERS / f"fabvisor-test-{self.account.pw_name}"

    def start_supervisord(self) -> None:
        self.daemon = subprocess.Popen([*self._command, "-n", "-c", str(self.conf)], cwd="/", stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, f"supervisord of {self.name}")

    def stop_supervisord(self) -> None:
        if self.daemon is not None:
            children = descendants(self.daemon.pid)
            self.daemon.send_signal(signal.SIGKILL)
            self.daemon.wait()
            for pid in children:
                kill(pid)
            self.daemon = None

    @property
    def rpc(self) -> Any:
        """supervisord's own API, as root."""
        return supervisord_at(self.etc / "run/supervisor.sock")

    def answers(self) -> bool:
        try:
            return bool(self.rpc.getState())
        except OSError:
            return False

    def settings(self, **more: Any) -> dict[str, Any]:
        """As under `hosts` in hosts.yaml."""
        return {"address": self.sshd.host, "port": self.sshd.port, "user": self.sshd.user, "root": str(self.root),
                "python": PYTHON, "identity_file": str(self.sshd.client_key),
                "supervisord_conf": str(self.conf), "program_dir": str(self.program_dir), **more}
