"""`fab setup` on a bare host: sshd and an ordinary user, nothing else. Its crontab is really used."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.lab import Lab, Run, wait_for
from tests.support.packaged import PYTHON
from tests.support.sshd import Sshd
from tests.support.users import let_enter, unix_user

PROGRAM = "#!/bin/sh\necho up\nexec sleep 1000\n"


class BareHost:
    """web1: a user with a home, and nothing else."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        self.lab = lab
        let_enter(lab.folder)
        self.account = stack.enter_context(unix_user(lab.folder, "deploy"))
        stack.callback(subprocess.run, ["crontab", "-u", self.account.pw_name, "-r"], check=False, capture_output=True)
        self.home = Path(self.account.pw_dir)
        self.root = self.home / "app"
        self.sshd = stack.enter_context(Sshd(lab.folder, account=self.account))
        (lab.home / ".ssh/known_hosts").write_text(self.sshd.known_hosts_line)
        self.repo = lab.repository("shop", {"run.sh": PROGRAM})

    def fab(self, *args: str, format: str = "json", **settings: Any) -> Run:
        host = {"address": self.sshd.host, "port": self.sshd.port, "user": self.sshd.user, "python": PYTHON,
                "root": "~/app", "identity_file": str(self.sshd.client_key), **settings}
        services = {"shop": {"repo": str(self.repo), "command": "./run.sh", "fetch": "client",
                             "program": {"startsecs": 0}},
                    "other": {"repo": "git@git.example.com:other.git", "command": "./run.sh"}}
        self.lab.inventory.write_text(yaml.safe_dump({
            "default_environment": "test", "services": services,
            "environments": {"test": {"branch": "main", "hosts": {"web1": host}}}}))
        return self.lab.fab(*args, format=format)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """As cron would run it: with next to no environment."""
        return subprocess.run(["runuser", "-u", self.account.pw_name, "--", "env", "-i", f"HOME={self.home}",
                               "PATH=/usr/bin:/bin", "/bin/sh", "-c", command],
                              cwd=self.home, check=False, capture_output=True, text=True)

    def supervisorctl(self, *args: str) -> str:
        return self.run(f"{self.root}/.supervisor/bin/supervisorctl -c {self.root}/supervisord.conf "
                        + " ".join(args)).stdout


@pytest.fixture(scope="module")
def bare(real_hosts: None) -> Iterator[BareHost]:
    with Lab(()) as lab, ExitStack() as stack:
        yield BareHost(lab, stack)


def test_setup_without_a_terminal_shows_its_script_and_changes_nothing(bare: BareHost) -> None:
    before = sorted(bare.home.rglob("*"))
    refused = bare.fab("setup")
    assert refused.code == 2 and "--yes" in refused.events[-2]["hint"], refused
    shown = bare.fab("setup", "--dry-run", format="plain")
    assert shown.code == 0 and shown.err == ""
    assert shown.out.startswith("# On web1:\nset -eu\n# root\n")
    assert "sudo" not in shown.out
    assert subprocess.run(["sh", "-n"], input=shown.out, text=True, check=False).returncode == 0
    assert sorted(bare.home.rglob("*")) == before


def test_setup_names_packages_for_a_distribution_that_it_does_not_know(bare: BareHost) -> None:
    """What it lacks as root, it says for root to type; nothing is changed."""
    run = bare.fab("setup", "--yes", root="/srv/fabvisor-nowhere/app")
    assert run.code == 2
    assert f"{bare.account.pw_name} cannot make the root /srv/fabvisor-nowhere/app" in run.events[-2]["message"]
    assert run.events[-2]["hint"].startswith("as root on the host: install -d -o ")


def test_bare_host_deploys_after_setup_and_starts_with_the_machine(bare: BareHost) -> None:
    run = bare.fab("setup", "--yes")
    assert (run.code, run.outcome("web1", "shop")) == (0, "committed"), run
    assert run.steps("web1") == ["root", "supervisor", "configuration", "program_dir", "boot", "key"]
    (key,) = [event["message"] for event in run.events if event["event"] == "notice"]
    assert key.endswith((bare.home / ".ssh/id_ed25519.pub").read_text().strip())
    assert bare.fab("setup", "--yes").finished["outcome"] == "unchanged"

    assert bare.fab("deploy", "shop").code == 0
    doctor = bare.fab("doctor", "--service", "shop")
    assert doctor.code == 0, doctor
    assert [event["message"] for event in doctor.events if event.get("check") == "boot"] == [
        "by @reboot in the crontab of the login user"]

    bare.supervisorctl("shutdown")
    wait_for(lambda: not (bare.root / "supervisord.pid").exists(), "supervisord to end")
    assert "RUNNING" not in bare.supervisorctl("status")
    (line,) = subprocess.run(["crontab", "-u", bare.account.pw_name, "-l"], check=True, capture_output=True,
                             text=True).stdout.splitlines()
    assert bare.run(line.removeprefix("@reboot ")).returncode == 0
    wait_for(lambda: "RUNNING" in bare.supervisorctl("status", "shop"), "the program to start with the machine")
