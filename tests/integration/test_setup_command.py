"""`fab setup` on a bare host: what it shows, and what it refuses. test_your_hosts.py sets one up."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml

from tests.support.bare import BareHost
from tests.support.lab import Lab, Run
from tests.support.sshd import keygen


class Inventory:
    """A bare host, and an inventory with it."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        self.lab = lab
        self.host = BareHost(lab, stack)

    def fab(self, *args: str, format: str = "json", **settings: Any) -> Run:
        self.lab.inventory.write_text(yaml.safe_dump({
            "default_environment": "test", "services": {"shop": {"repo": "git@git.example.com:shop.git",
                                                                 "command": "./run.sh"}},
            "environments": {"test": {"branch": "main", "hosts": {"web1": self.host.settings(**settings)}}}}))
        return self.lab.fab(*args, format=format)


@pytest.fixture(scope="module")
def bare(real_hosts: None) -> Iterator[Inventory]:
    with Lab(()) as lab, ExitStack() as stack:
        yield Inventory(lab, stack)


def test_setup_without_a_terminal_shows_its_script_and_changes_nothing(bare: Inventory) -> None:
    before = sorted(bare.host.home.rglob("*"))
    refused = bare.fab("setup")
    assert refused.code == 2 and "--yes" in refused.events[-2]["hint"], refused
    shown = bare.fab("setup", "--dry-run", format="plain")
    assert shown.code == 0 and shown.err == ""
    assert shown.out.startswith("# On web1:\nset -eu\n# root\n")
    assert "ssh-keygen" in shown.out and "sudo" not in shown.out
    assert subprocess.run(["sh", "-n"], input=shown.out, text=True, check=False).returncode == 0
    assert sorted(bare.host.home.rglob("*")) == before


def test_setup_makes_no_key_where_a_private_one_lies_alone(bare: Inventory) -> None:
    """Copied there as a deploy key often is, without its public half."""
    folder = bare.host.home / ".ssh"
    folder.mkdir(mode=0o700)
    key = keygen(folder / "id_ed25519")
    key.with_suffix(".pub").unlink()
    for path in (folder, key):
        os.chown(path, bare.host.account.pw_uid, bare.host.account.pw_gid)
    shown = bare.fab("setup", "--dry-run", format="plain")
    shutil.rmtree(folder)
    assert shown.code == 0 and "# supervisor\n" in shown.out and "ssh-keygen" not in shown.out


def test_setup_tells_what_only_root_can_give_and_changes_nothing(bare: Inventory) -> None:
    run = bare.fab("setup", "--yes", root="/srv/fabvisor-nowhere/app")
    assert run.code == 2
    assert f"{bare.host.account.pw_name} cannot make the root /srv/fabvisor-nowhere/app" in run.events[-2]["message"]
    assert run.events[-2]["hint"].startswith("as root on the host: install -d -o ")


@pytest.mark.long
def test_setup_that_fails_says_so_and_goes_on_the_next_time(bare: Inventory) -> None:
    """pip without a package index: what was done before stays, and the host is named."""
    profile = bare.host.home / ".profile"
    before = profile.read_text()
    profile.write_text("export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=/nowhere\n")
    run = bare.fab("setup", "--yes")
    profile.write_text(before)
    assert (run.code, run.outcome("web1", "shop")) == (3, "unknown"), run
    (error,) = [event for event in run.events if event["event"] == "error"]
    assert error["message"].startswith("web1: supervisor failed: exit status 1") and "fab setup" in error["hint"]
    assert any("No matching distribution" in event["line"] for event in run.events if event["event"] == "output")
    again = bare.fab("setup", "--dry-run", format="plain")
    assert again.out.startswith("# On web1:\nset -eu\n# supervisor\n")
