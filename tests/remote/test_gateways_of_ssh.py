"""The command line of `fab ssh`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tasks._errors import NotReady
from tasks.inventory.model import Host
from tasks.program import quoting
from tasks.remote import ssh_command
from tests.remote.test_keys import add_to_agent
from tests.remote.test_keys import agent as agent_fixture
from tests.support.lab import wait_for
from tests.support.sshd import Sshd, keygen

agent = agent_fixture


def typed(server: Sshd, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Its user types `there`."""
    words = ssh_command.words(Host(**server.host_settings(**settings)), "echo hi; cat")
    return subprocess.run(words, input="there\n", capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.promise(6)
@pytest.mark.usefixtures("real_hosts")
def test_ssh_refuses_unknown_keys_of_each_gateway_too(tmp_path: Path) -> None:
    key = tmp_path / "a key"
    key.touch()
    host = Host(name="web1", root="", identity_file=str(key), gateway="one@gw1:2201,gw2")
    words = ssh_command.words(host, "pwd")
    assert words[-3:] == ["--", "web1", "pwd"] and not {"-J", "-A"} & set(words)
    for name in ("gw2", "gw1"):
        assert "StrictHostKeyChecking=yes" in words and str(key) in words
        (proxy,) = [word for word in words if word.startswith("ProxyCommand=")]
        words = quoting.words(proxy.removeprefix("ProxyCommand=").replace("%%", "%"))
        assert words[-4:] == ["-W", "[%h]:%p", "--", name]
    assert "one" in words and "Port=2201" in words and not any(word.startswith("ProxyCommand=") for word in words)


@pytest.mark.rows(1)
@pytest.mark.parametrize("line", ["RemoteCommand tmux attach", "SessionType none", "StdinNull yes"])
def test_ssh_opens_a_shell_whatever_the_ssh_config_has_in_its_place(sshd: Sshd, home: Path, line: str) -> None:
    (home / ".ssh/config").write_text(f"{line}\n")
    assert typed(sshd).stdout.split() == ["hi", "there"]


@pytest.mark.promise(6)
@pytest.mark.parametrize("line", ["NoHostAuthenticationForLocalhost yes", "StrictHostKeyChecking no"])
def test_ssh_refuses_an_unknown_key_whatever_the_ssh_config_says(sshd: Sshd, home: Path, line: str) -> None:
    (home / ".ssh/config").write_text(f"{line}\n")
    refused = typed(sshd, known_hosts=None)
    assert refused.returncode == 255 and "Host key verification failed" in refused.stderr, refused


@pytest.mark.promise(6)
def test_ssh_takes_no_connection_that_another_ssh_has_made(sshd: Sshd, home: Path) -> None:
    """That one may have taken any key."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "c"                           # a socket's: it must be short
        (home / ".ssh/config").write_text(f"ControlPath {path}\n")
        other = ["ssh", "-F", str(home / ".ssh/config"), "-M", "-o", "StrictHostKeyChecking=no",
                 "-o", f"UserKnownHostsFile={os.devnull}", "-i", str(sshd.client_key), "-p", str(sshd.port),
                 f"{sshd.user}@{sshd.host}", "cat"]
        with subprocess.Popen(other, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL):
            wait_for(path.exists, "the other ssh")
            refused = typed(sshd, known_hosts=None)
    assert refused.returncode == 255 and "Host key verification failed" in refused.stderr, refused


@pytest.mark.promise(6)
def test_ssh_asks_the_command_for_host_keys_unless_hosts_yaml_names_a_file(sshd: Sshd, home: Path) -> None:
    (home / "empty").touch()
    (home / ".ssh/config").write_text("UserKnownHostsFile none\nGlobalKnownHostsFile none\n"
                                      f"KnownHostsCommand /bin/cat {sshd.known_hosts_file()}\n")
    assert typed(sshd, known_hosts=None).stdout.split() == ["hi", "there"]
    refused = typed(sshd, known_hosts=str(home / "empty"))
    assert refused.returncode == 255 and "Host key verification failed" in refused.stderr, refused


@pytest.mark.promise(6)
def test_ssh_takes_host_keys_from_the_file_of_hosts_yaml_alone(sshd: Sshd, home: Path) -> None:
    """And writes none into it."""
    empty = home / "empty"
    empty.touch()
    (home / ".ssh/config").write_text(f"GlobalKnownHostsFile {sshd.known_hosts_file()}\n")
    refused = typed(sshd, known_hosts=str(empty))
    assert refused.returncode == 255 and "Host key verification failed" in refused.stderr, refused
    words = ssh_command.words(Host(**sshd.host_settings()), "true")
    assert {"VerifyHostKeyDNS=no", "UpdateHostKeys=no"} <= {*words}


def test_ssh_offers_the_named_key_alone(sshd: Sshd, home: Path, agent: str) -> None:
    """sshd ends the connection at the sixth key."""
    for number in range(6):
        add_to_agent(keygen(home / f"other{number}"))
    assert typed(sshd).stdout.split() == ["hi", "there"]


@pytest.mark.promise(6)
@pytest.mark.parametrize("name", ["SSH_KNOWN_HOSTS", "SSH_PRIVATE_KEY"])
def test_ssh_is_refused_where_a_variable_holds_no_path(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Else it would go by another key, or by what another file knows."""
    monkeypatch.setenv(name, "the content\nof a file")
    with pytest.raises(NotReady, match=f"{name} is no path") as refused:
        ssh_command.words(Host(name="web1", root="/r", known_hosts="f" if "PRIVATE" in name else None), "true")
    assert "the content" not in str(refused.value) + refused.value.hint
    if name == "SSH_KNOWN_HOSTS":           # hosts.yaml wins
        ssh_command.words(Host(name="web1", root="/r", known_hosts="f"), "true")


def test_ssh_takes_the_files_that_variables_name(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sshd.client_key.parent)
    monkeypatch.setenv("SSH_KNOWN_HOSTS", str(sshd.known_hosts_file()))
    for path in (str(sshd.client_key), sshd.client_key.name):
        monkeypatch.setenv("SSH_PRIVATE_KEY", path)
        assert typed(sshd, identity_file=None, known_hosts=None).stdout.split() == ["hi", "there"]


def test_ssh_goes_straight_to_a_host_whose_gateway_is_none(sshd: Sshd, home: Path) -> None:
    (home / ".ssh/config").write_text("ProxyJump nowhere.invalid\n")
    assert typed(sshd, gateway="none").stdout.split() == ["hi", "there"]
    (home / ".ssh/config").write_text("ProxyCommand false\n")
    assert typed(sshd, gateway="none").stdout.split() == ["hi", "there"]
