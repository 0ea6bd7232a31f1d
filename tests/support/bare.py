"""A bare host: sshd and an ordinary user, nothing else."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.lab import Lab
from tests.support.packaged import PYTHON
from tests.support.sshd import Sshd
from tests.support.users import let_enter, unix_user


class BareHost:
    """`home` is that of the user who logs in; `root` will be there. The account and its crontab end with `stack`."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        let_enter(lab.folder)
        self.account = stack.enter_context(unix_user(lab.folder, "deploy"))
        stack.callback(subprocess.run, ["crontab", "-u", self.account.pw_name, "-r"], check=False, capture_output=True)
        self.home = Path(self.account.pw_dir)
        self.root = self.home / "app"
        self.sshd = stack.enter_context(Sshd(lab.folder, account=self.account))
        (lab.home / ".ssh/known_hosts").write_text(self.sshd.known_hosts_line)

    def settings(self, **more: Any) -> dict[str, Any]:
        """As under `hosts` in hosts.yaml."""
        return {"address": self.sshd.host, "port": self.sshd.port, "user": self.sshd.user, "python": PYTHON,
                "root": "~/app", "identity_file": str(self.sshd.client_key), **more}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """As cron would run it: with next to no environment."""
        return subprocess.run(["runuser", "-u", self.account.pw_name, "--", "env", "-i", f"HOME={self.home}",
                               "PATH=/usr/bin:/bin", "/bin/sh", "-c", command],
                              cwd=self.home, check=False, capture_output=True, text=True)

    def supervisorctl(self, *args: str) -> str:
        return self.run(f"{self.root}/.supervisor/bin/supervisorctl -c {self.root}/supervisord.conf "
                        + " ".join(args)).stdout

    def crontab(self) -> list[str]:
        return subprocess.run(["crontab", "-u", self.account.pw_name, "-l"], check=True, capture_output=True,
                              text=True).stdout.splitlines()
