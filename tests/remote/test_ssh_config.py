from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks._errors import Mistake
from tasks.inventory.model import Host
from tasks.remote import fabric_config, ssh_command
from tasks.remote.configuration import ssh_options
from tasks.remote.configuration.ssh_config import Settings, effective
from tasks.remote.connection.gateways import gateway_of
from tests.support.lab import CHECKOUT

CONFIG = """
Host web1
  HostName 10.0.0.1
  Port 2200
  User deploy
  HostKeyAlias Prod
  IdentityFile ~/.ssh/%r_%h
  IdentitiesOnly yes
  UserKnownHostsFile ~/.ssh/kh_%h
  ProxyJump root@[::1]:23,jump2
Host none
  ProxyJump none
Host command
  ProxyCommand nc -X 5 %h %p %r %%
Host *
  ProxyJump bastion
"""


def settings(name: str = "web1", **more: Any) -> Settings:
    return effective(Host(name=name, root="/srv", **more))


@pytest.fixture(params=["openssh", "paramiko"])
def reader(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "paramiko":
        monkeypatch.setenv("PATH", "/nowhere")
    elif shutil.which("ssh") is None:
        pytest.skip("no ssh")
    (home / ".ssh/config").write_text(CONFIG)
    return str(request.param)


def test_ssh_config_values_are_expanded(reader: str, home: Path) -> None:
    found = settings()
    assert (found.hostname, found.port, found.user) == ("10.0.0.1", 2200, "deploy")
    assert found.identity_files == (home / ".ssh/deploy_10.0.0.1",)
    assert found.identities_only
    assert found.lookup_name == "prod"
    assert found.known_hosts_files[0] == home / ".ssh/kh_10.0.0.1"
    assert found.jumps == ("root@[::1]:23", "jump2")


def test_inventory_wins_over_the_ssh_config(reader: str, home: Path) -> None:
    found = settings(address="10.9.9.9", port=22, user="me", gateway="other")
    assert (found.hostname, found.port, found.user, found.jumps) == ("10.9.9.9", 22, "me", ("other",))
    assert found.identity_files == (home / ".ssh/me_10.9.9.9",)


def test_gateway_none_switches_it_off(reader: str) -> None:
    assert settings("none").jumps == ()
    assert settings("web1", gateway="none").jumps == ()
    assert settings("other").jumps == ("bastion",)


def test_gateway_chain_is_walked_from_the_nearest(reader: str) -> None:
    host = Host(name="web1", root="/srv")
    near = gateway_of(host, effective(host))
    assert near is not None
    assert (near.name, near.user, near.port, near.gateway) == ("jump2", None, None, "root@[::1]:23")
    far = gateway_of(near, effective(near))
    assert far is not None
    assert (far.name, far.user, far.port, far.gateway) == ("::1", "root", 23, None)


def test_proxy_command_is_expanded(reader: str) -> None:
    found = settings("command", port=77, user="u")
    assert found.proxy_command == "nc -X 5 command 77 u %"
    assert found.jumps == ()


@pytest.mark.parametrize("error", [KeyError, OSError], ids=["until Python 3.12", "Python 3.13"])
def test_user_without_a_name_reads_what_needs_none(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                   error: type[Exception]) -> None:
    """As in a container that runs as any user id: ssh itself refuses to run there."""
    def nobody() -> None:
        raise error("no name")

    monkeypatch.setattr(getpass, "getuser", nobody)
    monkeypatch.setenv("PATH", "/nowhere")
    assert fabric_config.defaults()["user"] is None
    assert fabric_config.of_connection().base_ssh_config.lookup("web1")
    (home / ".ssh/config").write_text("Host web1\n  Port 2203\nHost odd\n  IdentityFile ~/.ssh/%u\n")
    found = settings(address="10.9.9.9", user="deploy")
    assert (found.hostname, found.port, found.user) == ("10.9.9.9", 2203, "deploy")
    with pytest.raises(Mistake, match=r"odd: a `Match` or a token .* has none") as refused:
        settings("odd", user="deploy")
    assert refused.value.hint == "export USER=NAME"


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh")
class TestOpenSSH:
    def test_include_of_the_ssh_config_is_read(self, home: Path) -> None:
        (home / ".ssh/more").write_text("Host web1\n  Port 2201\n")
        (home / ".ssh/config").write_text(f"Include {home}/.ssh/more\n")
        assert settings().port == 2201

    def test_match_user_is_that_of_the_inventory(self, home: Path) -> None:
        (home / ".ssh/config").write_text("Match user deploy\n  Port 2202\n")
        assert settings(user="deploy").port == 2202
        assert settings(user="other").port == 22

    def test_defaults_hold_without_an_ssh_config(self, home: Path) -> None:
        found = settings()
        assert (found.hostname, found.port) == ("web1", 22)
        assert home / ".ssh/id_ed25519" in found.identity_files
        assert home / ".ssh/known_hosts" in found.known_hosts_files
        assert Path("/etc/ssh/ssh_known_hosts") in found.known_hosts_files

    def test_broken_ssh_config_is_named_with_its_line(self, home: Path) -> None:
        (home / ".ssh/config").write_text("Nonsense yes\n")
        with pytest.raises(Mistake, match="line 1: Bad configuration option"):
            settings()

    def test_ssh_config_that_hangs_is_named(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ssh_options, "LONGEST", 0.2)
        (home / ".ssh/config").write_text('Match exec "exec sleep 2"\n  Port 1\n')
        with pytest.raises(Mistake, match=r"`ssh -G` did not end within 0\.2 s") as caught:
            settings()
        assert "Match exec" in caught.value.hint

    def test_identity_agent_of_the_ssh_config_is_read(self, home: Path) -> None:
        (home / ".ssh/config").write_text("Host web1\n  IdentityAgent ~/a.sock\nHost web2\n  IdentityAgent none\n")
        assert settings().identity_agent == str(home / "a.sock")
        assert settings("web2").identity_agent == "none"
        assert settings("web3").identity_agent is None

    def test_known_hosts_paths_may_have_spaces_or_be_none(self, home: Path) -> None:
        (home / ".ssh/config").write_text('UserKnownHostsFile "/tmp/a b" /tmp/c\nGlobalKnownHostsFile none\n')
        assert settings().known_hosts_files == (Path("/tmp/a b"), Path("/tmp/c"))


@pytest.mark.parametrize("name", ["-oProxyCommand=touch x", "-v", "a b", "a;b", "$(x)", ""])
def test_host_name_that_is_an_option_or_shell_code_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before ssh hears it, which may hand it to a command of its configuration."""
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: pytest.fail(str(args)))
    with pytest.raises(Mistake, match="cannot be a host's name"):
        settings(name)
    with pytest.raises(Mistake, match="cannot be a host's name"):
        ssh_command.words(Host(name=name, root="/srv"), "true")


@pytest.mark.parametrize("gateway", ["a:b:c", "a@", "a:port", ",", "-oProxyCommand=x"])
def test_malformed_gateway_is_refused(gateway: str) -> None:
    host = Host(name="web1", root="/srv", gateway=gateway)
    with pytest.raises(Mistake):
        hop = gateway_of(host, effective(host))
        assert hop is not None
        effective(hop)


def test_documented_options_are_those_of_the_code() -> None:
    """docs/messages.md: what is used is read, what is refused is in REFUSED."""
    page = (CHECKOUT / "docs/messages.md").read_text()
    table = page.partition("## ssh_config\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ", 1) for line in table.splitlines() if line.startswith("| `")]
    options = {option.partition(" ")[0]: effect for names, effect in rows for option in re.findall("`([^`]+)`", names)}
    assert {option for option, effect in options.items() if effect.startswith("refused")} == set(ssh_options.REFUSED)
    folder = CHECKOUT / "tasks/remote/configuration"
    code = "".join((folder / name).read_text() for name in ("ssh_config.py", "algorithms.py"))
    used = {option for option, effect in options.items() if effect.startswith("used") and "`ssh -G`" not in effect}
    assert len(used) > 15
    assert {option for option in used if f'"{option.lower()}"' not in code} == set()
    ignored = {option for option, effect in options.items() if effect.startswith("ignored")}
    assert {option for option in ignored if f'"{option.lower()}"' in code} == set()
