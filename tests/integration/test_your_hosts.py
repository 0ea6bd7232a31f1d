"""docs/your-hosts.md: a test types each of the starts, from beginning to end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from tests.support.bare import BareHost
from tests.support.lab import PROGRAM_USER, Lab, LabHost, Run, git, stands_in, wait_for
from tests.support.packaged import PackagedHost
from tests.support.pages import CHECKOUT, blocks, section

PAGE = (CHECKOUT / "docs/your-hosts.md").read_text()
PROGRAM = "#!/bin/sh\necho up\nexec sleep 1000\n"
BY_HAND = """\
[program:shop]
command={directory}/run.sh
directory={directory}
environment=RUN_MODE="prod"
stdout_logfile={directory}/logs/shop.log
redirect_stderr=true
"""


class Start:
    """One start of the page, typed on a machine where `host` is in place of web1.example.com."""

    def __init__(self, lab: Lab, heading: str) -> None:
        self.lab = lab
        self.text = section(heading, PAGE)
        self.repo = lab.repository("shop", {"run.sh": PROGRAM})

    def write(self, host: dict[str, Any], program: dict[str, Any] | None = None) -> None:
        """hosts.yaml as the page has it, with the paths and the addresses of this machine."""
        (text,) = blocks("yaml", self.text)
        whole = yaml.safe_load(text)
        shown = whole["defaults"]
        assert {key for key in shown if key != "user"} <= host.keys(), "a test host has every setting of the page"
        whole["environments"]["production"]["hosts"] = {"web1.example.com": host}
        whole["services"]["shop"].update(repo=str(self.repo), program={"startsecs": 0, **(program or {})})
        self.lab.inventory.write_text(yaml.safe_dump(whole))

    def type(self, *codes: int, instead: Mapping[str, list[str]] = MappingProxyType({})) -> list[Run]:
        """All commands of the page; each must end with its code. `instead`: what stands for a word of the page here."""
        (typed,) = blocks("sh", self.text)
        commands = [line.partition("#")[0].split()[1:] for line in typed.splitlines()]
        runs = [self.lab.fab(*(here for word in words for here in instead.get(word, [word]))) for words in commands]
        failures = [event for run in runs for event in run.events
                    if event["event"] == "error" or event.get("outcome") == "failed"]
        assert [run.code for run in runs] == list(codes), failures
        return runs


@pytest.fixture
def lab(real_hosts: None) -> Iterator[Lab]:
    with Lab(()) as made:
        yield made


@pytest.mark.timeout(300)               # pip installs supervisor
def test_bare_host_deploys_after_setup_and_starts_with_the_machine(lab: Lab) -> None:
    with ExitStack() as stack:
        host, start = BareHost(lab, stack), Start(lab, "A bare host")
        start.write(host.settings())
        before, _, setup, _, after = start.type(1, 0, 0, 0, 0)
        failed = [event["check"] for event in before.events if event.get("outcome") == "failed"]
        assert failed == ["root", "supervisord"]
        assert setup.steps("web1.example.com") == ["root", "supervisor", "configuration", "program_dir", "boot"]
        assert [event["message"] for event in setup.events if event["event"] == "notice"] == [
            "the git server needs no key of this host"]
        assert [event["message"] for event in after.events if event.get("check") == "boot"] == [
            "by @reboot in the crontab of the login user"]
        assert lab.fab("setup", "--yes").finished["outcome"] == "unchanged"

        host.supervisorctl("shutdown")
        wait_for(lambda: not (host.root / "supervisord.pid").exists(), "supervisord to end")
        (line,) = host.crontab()
        assert host.run(line.removeprefix("@reboot ")).returncode == 0
        wait_for(lambda: "RUNNING" in host.supervisorctl("status", "shop"), "the program to start with the machine")


def test_host_with_debians_package_deploys_through_sudo(lab: Lab) -> None:
    with PackagedHost() as host:
        host.allow_sudo()
        (lab.home / ".ssh/known_hosts").write_text(host.sshd.known_hosts_line)
        start = Start(lab, "Debian's supervisor")
        start.write(host.settings(sudo=True))
        status = start.type(0, 0, 0)[-1]
        assert [event["state"] for event in status.events if event["event"] == "status"] == ["RUNNING"]
        assert host.rpc.getProcessInfo("shop:shop")["statename"] == "RUNNING"


def test_supervisord_of_your_own_goes_on_where_it_is(lab: Lab) -> None:
    host = LabHost(lab.folder, "web1")
    host.start()
    try:
        (lab.home / ".ssh/known_hosts").write_text(host.sshd.known_hosts_line)
        start = Start(lab, "A supervisord of your own")
        start.write({**host.settings(), "supervisord_conf": "supervisord.conf"}, PROGRAM_USER)
        directory = _clone(start.repo, host)
        by_hand = host.root / "conf.d/shop.conf"
        by_hand.write_text(BY_HAND.format(directory=directory))
        host.rpc.reloadConfig()
        host.rpc.addProcessGroup("shop")
        status = start.type(0, 0, 0, 0)[-1]
        assert [event["state"] for event in status.events if event["event"] == "status"] == ["RUNNING"]
        kept = host.root / ".fabvisor/shop/before-fabvisor.conf"
        assert kept.read_text() == BY_HAND.format(directory=directory)
    finally:
        host.stop()


CAPISTRANO = """\
[program:shop]
command={folder}/current/run.sh
directory={folder}/current
user={user}
environment=RAILS_ENV="production"
startsecs=0
"""


@pytest.mark.long
@pytest.mark.promise(11)
def test_folders_of_capistrano_go_on_with_debians_package(lab: Lab) -> None:
    with PackagedHost() as host:
        host.allow_sudo()
        (lab.home / ".ssh/known_hosts").write_text(host.sshd.known_hosts_line)
        shutil.copy(host.sshd.client_key, lab.home / ".ssh/id_ed25519")
        (host.sshd.home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")        # the repository lies on the host
        start = Start(lab, "Programs that run already")
        for folder in (lab.folder, start.repo.parent):
            folder.chmod(0o755)
        release = _released(start.repo, host)
        (host.program_dir / "shop.conf").write_text(
            CAPISTRANO.format(folder=release.parents[1], user=host.account.pw_name))
        host.rpc.reloadConfig()
        host.rpc.addProcessGroup("shop")
        theirs = sorted(path for path in release.parents[1].rglob("*") if not path.is_symlink())
        lab.commit("shop", {"run.sh": PROGRAM + "# new\n"})
        sshd = host.sshd
        *_, deploy, _ = start.type(0, 0, 0, 0, instead={"deploy@web1.example.com": [
            f"{sshd.user}@{sshd.host}:{sshd.port}", "--supervisord-conf", str(host.conf)]})
        assert deploy.finished["outcome"] == "committed"
        assert (release.parents[1] / "current").resolve() == release
        assert stands_in(host.rpc.getProcessInfo("shop:shop")["pid"]) == release
        assert all(path.exists() for path in theirs)


def _released(repo: Path, host: PackagedHost) -> Path:
    """As Capistrano leaves it; returns the release."""
    folder = host.folder / "var/www/shop"
    release = folder / "releases/20240101120000"
    release.mkdir(parents=True)
    (folder / "shared/log").mkdir(parents=True)
    git(folder, "clone", "--quiet", "--mirror", str(repo), "repo")
    (release / "run.sh").write_text(PROGRAM)
    (release / "run.sh").chmod(0o755)
    (release / "REVISION").write_text(git(folder / "repo", "rev-parse", "main") + "\n")
    (release / "log").symlink_to(folder / "shared/log")
    (folder / "current").symlink_to(release)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, host.account.pw_uid, host.account.pw_gid, follow_symlinks=False)
    return release


def _clone(repo: Path, host: LabHost) -> Path:
    directory = host.directory("shop")
    directory.parent.mkdir()
    git(host.root, "clone", "--quiet", str(repo), str(directory))
    (directory / "logs").mkdir()
    return directory
