"""One story on hosts as Debian's releases make them: each with its own git, Python, supervisor, OpenSSH and sudo.

docs/testing.md tells how to run one. The host is its own git server, by ssh.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.support.debian import Debian
from tests.support.lab import Lab, Run, git, wait_for
from tests.support.sshd import free_port

SUITES = ("bullseye", "bookworm", "trixie", "sid")
PACKAGES = ("supervisor", "git", "openssh-client")
# It answers with the version that it was built from.
WEB = """\
import socket
listener = socket.socket(fileno=0)
while True:
    client, _ = listener.accept()
    client.recv(1000)
    client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + open("built", "rb").read())
    client.close()
"""
BUILD = ["test -e part/file", "test ! -e unfit", "if test -e slow; then touch /tmp/slow; sleep 1000; fi",
         "cp source built"]


class Story:
    """A service of two programs, in a repository with a submodule."""

    def __init__(self, lab: Lab, host: Debian) -> None:
        self.lab, self.host, self.port = lab, host, free_port()
        (lab.home / ".ssh/known_hosts").write_text(host.known_hosts_line)
        host.chroot("install -d -o deploy /srv/git")
        for name in ("part", "shop"):
            host.chroot(f"su deploy -c 'git -c init.defaultBranch=main init --quiet --bare /srv/git/{name}.git'")
            git(lab.folder, "init", "--quiet", "--initial-branch=main", name)
        self.commit("part", file="1")
        git(lab.folder / "shop", "submodule", "--quiet", "add", self.url("part"), "part")

    def url(self, name: str) -> str:
        return f"ssh://deploy@127.0.0.1:{self.host.port}/srv/git/{name}.git"

    def commit(self, repository: str = "shop", **texts: str | None) -> None:
        """Of files by name, `web_py` as web.py; None removes one."""
        work = self.lab.folder / repository
        for name, text in texts.items():
            path = work / name.replace("_", ".")
            path.write_text(text) if text else path.unlink()
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", "change")
        git(work, "push", "--quiet", self.url(repository), "HEAD:refs/heads/main")

    def write(self, **shop: Any) -> None:
        socket = f"tcp://127.0.0.1:{self.port}"
        programs = {"web": {"command": "python3 web.py", "socket": socket, "numprocs": 2, "program": {"startsecs": 1},
                            "health": {"http": f"http://127.0.0.1:{self.port}/"}},
                    "worker": {"command": "sleep 100000", "numprocs": 2, "program": {"startsecs": 1}}}
        self.lab.inventory.write_text(yaml.safe_dump({
            "default_environment": "test",
            "services": {"shop": {"repo": self.url("shop"), "build": BUILD, "programs": programs,
                                  "files": {"config/all.env": {"variables": True}},
                                  "variables": {"GREETING": "größe: 100%"}, **shop}},
            "environments": {"test": {"branch": "main", "hosts": {"deb1": self.host.settings(
                root="/srv/app", sudo=True, supervisord="packaged", supervisord_conf="/etc/supervisor/supervisord.conf",
                program_dir="/etc/supervisor/conf.d")}}}}))

    def fab(self, *args: str, code: int = 0) -> Run:
        run = self.lab.fab(*args, FABRIC_SUDO_PASSWORD=self.host.password, XDG_CACHE_HOME=str(self.lab.home / "cache"))
        assert run.code == code, (args, run)
        return run

    def let_host_fetch(self, setup: Run) -> None:
        """What a person does with the key that `fab setup` shows."""
        shown = setup.of("document")[-1]["text"]
        home = self.host.tree / "home/deploy/.ssh"
        with (home / "authorized_keys").open("a") as keys:
            keys.write(shown.partition("\n")[2])
        (home / "known_hosts").write_text(self.host.known_hosts_line)

    def cut_off(self) -> None:
        """A deploy whose host loses the executor, and all that it started, in the build."""
        begun = self.host.tree / "tmp/slow"
        begun.unlink(missing_ok=True)
        client = self.lab.popen("deploy", "shop", FABRIC_SUDO_PASSWORD=self.host.password,
                                XDG_CACHE_HOME=str(self.lab.home / "cache"))
        wait_for(begun.exists, "the slow build")
        self.host.kill(json.loads((self.host.tree / "srv/app/.fabvisor/shop/lock").read_text())["pid"])
        client.communicate(timeout=120)
        assert client.returncode == 3

    def answers(self, version: str) -> bool:
        with urlopen(f"http://127.0.0.1:{self.port}/", timeout=60) as answer:
            return bool(answer.read().decode() == version)


@pytest.fixture(params=SUITES)
def story(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, real_hosts: None) -> Iterator[Story]:
    with Lab(()) as lab, Debian(request.param, PACKAGES) as host:
        monkeypatch.setenv("GIT_SSH_COMMAND", f"ssh -F /dev/null -i {host.key} -o UserKnownHostsFile="
                                              f"{lab.home}/.ssh/known_hosts")
        yield Story(lab, host)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_host_of_each_release_of_debian_is_set_up_deployed_to_and_comes_back(story: Story) -> None:
    story.commit(source="1", web_py=WEB)
    story.write()
    story.let_host_fetch(story.fab("setup", "--yes"))
    assert [event for event in story.fab("doctor").of("check") if event["outcome"] == "failed"] == []
    for strategy, fetch in (("in_place", "host"), ("releases", "client")):
        story.write(strategy=strategy, fetch=fetch)
        story.commit(source=f"{strategy} 1")
        story.fab("deploy", "shop")
        story.commit(source=f"{strategy} 2")
        story.fab("plan", "shop")
        story.fab("deploy", "shop")
        story.commit(unfit="so that the build fails")
        story.fab("deploy", "shop", code=1)
        story.commit(unfit=None, web_py="raise SystemExit(7)\n")
        story.fab("deploy", "shop", code=1)
        story.commit(web_py=WEB, slow="so that the build never ends")
        story.cut_off()
        story.fab("recover", "shop")
        assert story.answers(f"{strategy} 2")
        story.commit(slow=None, source=f"{strategy} 3")
        story.fab("deploy", "shop")
        assert story.answers(f"{strategy} 3")
        story.fab("rollback", "shop")
        assert story.answers(f"{strategy} 2")
        (status,) = story.fab("status").of("status")
        assert (status["state"], status["oddities"]) == ("RUNNING", [])
    for command in ("stop", "start", "restart", "history", "logs"):
        story.fab(command, "shop")
    story.fab("remove", "shop", "--purge", "--yes")
    assert list((story.host.tree / "etc/supervisor/conf.d").iterdir()) == []
    assert not (story.host.tree / "srv/app/micro/shop").exists()
