from __future__ import annotations

import contextlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks._errors import Mistake
from tasks.inventory.model import Host
from tasks.remote.configuration.ssh_answers import SshAnswers
from tasks.remote.configuration.ssh_config import Settings, effective

COUNTING = """\
#!/bin/sh
echo >> "$HOME/asked"
exec {ssh} "$@"
"""
NAMES = [f"web{number}" for number in range(1, 4)]


@pytest.fixture(autouse=True)
def counting_ssh(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real ssh, which also counts how often it is asked."""
    script = tmp_path / "bin/ssh"
    script.parent.mkdir()
    script.write_text(COUNTING.format(ssh=shutil.which("ssh")))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=":")


def ask_all(hosts: list[Host]) -> list[Settings]:
    """As a deploy does: at once."""
    answers = SshAnswers()
    with ThreadPoolExecutor(len(hosts)) as threads:
        found = list(threads.map(lambda host: effective(host, answers), hosts))
    assert found == [effective(host) for host in hosts], "as each host's own answer"
    return found


def times_asked(home: Path, hosts: list[Host]) -> int:
    """Without those of effective(host) itself."""
    return (home / "asked").read_text().count("\n") - len(hosts)


def named(*names: str) -> list[Host]:
    return [Host(name=name, root="/srv") for name in names]


@pytest.mark.rows(2)
@pytest.mark.parametrize("config", [
    "", "Host *\n  User deploy\n", "Host db*\n  Port 2200\n", "ServerAliveInterval 5\n",
    "Host unix/* unix%*\n  User root\n"])                        # as systemd configures ssh
def test_ssh_is_asked_once_for_hosts_that_it_does_not_tell_apart(home: Path, config: str) -> None:
    (home / ".ssh/config").write_text(config)
    assert [settings.hostname for settings in ask_all(named(*NAMES))] == NAMES
    assert times_asked(home, named(*NAMES)) == 1


def test_ssh_is_asked_once_for_hosts_with_addresses(home: Path) -> None:
    hosts = [Host(name=name, root="/srv", address=f"10.0.0.{name[-1]}", port=2200, user="u") for name in NAMES]
    assert [settings.hostname for settings in ask_all(hosts)] == [host.address for host in hosts]
    assert times_asked(home, hosts) == 1


def test_ssh_is_asked_once_for_hosts_behind_ports_of_one_gateway(home: Path) -> None:
    """A `Port` of the ssh configuration does not count where hosts.yaml has one."""
    (home / ".ssh/config").write_text("Host web1\n  Port 2200\nHost *\n  ProxyCommand nc %h %p\n")
    hosts = [Host(name=name, root="/srv", address="10.0.0.1", port=2000 + int(name[-1])) for name in NAMES[1:]]
    assert [settings.port for settings in ask_all([*hosts, *named("web4")])] == [2002, 2003, 22]
    assert times_asked(home, [*hosts, *named("web4")]) == 2


def test_ssh_is_asked_once_for_each_group_of_hosts(home: Path) -> None:
    (home / ".ssh/config").write_text("Host web1 web2 !web2\n  User one\nHost web?\n  User any\n")
    assert [settings.user for settings in ask_all(named(*NAMES))] == ["one", "any", "any"]
    assert times_asked(home, named(*NAMES)) == 2


def test_groups_are_told_by_included_files_too(home: Path) -> None:
    (home / ".ssh/config").write_text("Include more/*\nUser any\n")
    (home / ".ssh/more").mkdir()
    (home / ".ssh/more/one").write_text("Host web1\n  User one\n")
    assert [settings.user for settings in ask_all(named(*NAMES))] == ["one", "any", "any"]


@pytest.mark.rows(2)
@pytest.mark.parametrize("config", [
    'Match host web1\n  User one\n', "Match all\n  User one\n", "HostName %h.example.com\n", "HostName gateway\n",
    "UserKnownHostsFile ~/.ssh/kh_%h\n", 'Host "web1"\n  User one\n', "IdentityAgent ~/agent_%h\n"])
def test_each_host_is_asked_for_where_more_than_host_lines_decide(home: Path, config: str) -> None:
    (home / ".ssh/config").write_text(config)
    ask_all(named(*NAMES))
    assert times_asked(home, named(*NAMES)) == len(NAMES)


@pytest.mark.parametrize("config", ["", "Match all\n  User one\n", "HostName gateway\n", "Nonsense yes\n"])
def test_host_whose_answer_is_kept_is_not_asked_for_again(home: Path, config: str) -> None:
    (home / ".ssh/config").write_text(config)
    answers = SshAnswers()
    host, = named("web1")
    for ask in (answers.kept, answers):
        with contextlib.suppress(Mistake):
            effective(host, ask)
    assert (home / "asked").read_text() == "\n"


def test_host_is_asked_for_again_where_a_command_of_the_ssh_config_decides(home: Path) -> None:
    """When a lost host is connected again, this machine may have gone to another network."""
    (home / ".ssh/config").write_text(f'Match exec "test -e {home}/away"\n  ProxyJump bastion\n')
    answers = SshAnswers()
    host, = named("web1")
    assert effective(host, answers.kept).jumps == effective(host, answers).jumps == ()
    (home / "away").touch()
    assert effective(host, answers).jumps == ("bastion",)
    assert (home / "asked").read_text() == "\n\n"


def test_broken_ssh_config_is_told_of_each_host(home: Path) -> None:
    (home / ".ssh/config").write_text("Nonsense yes\n")
    answers = SshAnswers()
    for host in named("web1", "web2"):
        with pytest.raises(Mistake, match=host.name):
            effective(host, answers)
