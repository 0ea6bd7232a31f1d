"""Options of ssh_config that decide how a host is reached and trusted, with a real sshd."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasks._errors import FabvisorError, HostKeyError, LoginError, Mistake, Unreachable
from tasks.inventory.model import Host
from tasks.remote.configuration.algorithms import OPENSSH
from tasks.remote.configuration.ssh_config import effective
from tasks.remote.connection.connection import connect
from tasks.remote.connection.gateways import gateway_of
from tasks.remote.connection.host_connection import HostConnection
from tests.remote.test_keys import add_to_agent, labels, offered
from tests.remote.test_keys import agent as agent_fixture
from tests.support.lab import wait_for
from tests.support.sshd import Sshd, keygen, public

Open = Callable[..., HostConnection]
agent = agent_fixture


def refusal(kind: type[FabvisorError], server: Sshd, **settings: Any) -> FabvisorError:
    with pytest.raises(kind) as caught:
        connect(Host(**server.host_settings(**settings)))
    assert caught.value.hint
    return caught.value


class TestAgent:
    @pytest.fixture
    def crowd(self, home: Path, agent: str) -> None:
        """Eight other keys in the agent, all of one comment."""
        for number in range(8):
            add_to_agent(keygen(home / f"other{number}", comment="me@laptop"))

    @pytest.mark.rows(2)
    @pytest.mark.parametrize("only", ["yes", "no"])
    @pytest.mark.parametrize("names", ["the public half", "the private half, which is not here"])
    def test_public_half_of_a_key_in_the_agent_is_offered_first(self, sshd: Sshd, home: Path, crowd: None,
                                                                open_to: Open, names: str, only: str) -> None:
        """sshd ends the connection at the sixth key."""
        key = keygen(home / "token", comment="me@laptop")
        add_to_agent(key)
        key.unlink()
        sshd.authorize(key)
        path = f"{key}.pub" if names == "the public half" else key
        (home / ".ssh/config").write_text(f"IdentityFile {path}\nIdentitiesOnly {only}\n")
        assert open_to(sshd, identity_file=None).is_connected
        (home / ".ssh/config").write_text("")
        assert open_to(sshd, identity_file=str(path)).is_connected

    def test_keys_of_one_comment_are_told_apart(self, home: Path, crowd: None) -> None:
        assert len(set(labels(offered()))) == 8

    @pytest.fixture
    def wary(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """An agent whose owner never confirms (ssh-add -c)."""
        monkeypatch.setenv("SSH_ASKPASS", shutil.which("false") or "")
        monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
        request.getfixturevalue("agent")

    @pytest.mark.rows(1)
    @pytest.mark.parametrize("kind", ["ed25519", "rsa"])
    def test_key_that_its_agent_does_not_sign_with_is_named(self, sshd: Sshd, home: Path, wary: None, open_to: Open,
                                                            kind: str) -> None:
        sshd.authorize(add_to_agent(keygen(home / "token", kind, comment="token"), options=("-c",)))
        error = refusal(LoginError, sshd, identity_file=None)
        assert "offered: agent: token (the agent does not sign with it)" in error.message
        assert "plugged in" in error.hint
        add_to_agent(sshd.client_key)
        assert open_to(sshd, identity_file=None).is_connected

    def test_key_is_offered_whatever_the_encoding_of_its_comment(self, home: Path, agent: str) -> None:
        add_to_agent(keygen(home / "key", comment=os.fsdecode("b\xfcro".encode("latin-1"))))
        assert labels(offered()) == ["agent: b\N{REPLACEMENT CHARACTER}ro"]

    def test_public_half_alone_is_named(self, home: Path) -> None:
        key = keygen(home / "token")
        key.unlink()
        with pytest.raises(LoginError, match="no agent has its private half"):
            offered(identity_file=f"{key}.pub")
        (home / ".ssh/config").write_text(f"IdentityFile {key}\n")
        assert offered().unusable == (f"{key}: only its public half is here",)


@pytest.mark.usefixtures("real_hosts")
class TestAuthenticationMethods:
    OPTIONS = ("AuthenticationMethods publickey,publickey",)

    def test_two_keys_are_shown_to_a_server_that_asks_for_two(self, tmp_path: Path, home: Path, open_to: Open) -> None:
        with Sshd(tmp_path, options=self.OPTIONS) as server:
            second = keygen(home / "second")
            server.authorize(second)
            (home / ".ssh/config").write_text(f"IdentityFile {server.client_key}\nIdentityFile {second}\n")
            assert open_to(server, identity_file=None).is_connected

    def test_missing_second_key_is_named(self, tmp_path: Path) -> None:
        with Sshd(tmp_path, options=self.OPTIONS) as server:
            error = refusal(LoginError, server)
        assert f"took {server.client_key} of {server.user}, but asks for another key" in error.message


@pytest.mark.usefixtures("real_hosts")
class TestAlgorithms:
    @pytest.mark.parametrize("option", ["Ciphers 3des-cbc,aes256-cbc", "MACs hmac-md5,hmac-sha1-96"])
    def test_old_algorithms_are_refused_as_by_openssh(self, tmp_path: Path, option: str) -> None:
        with Sshd(tmp_path, options=["Ciphers aes128-ctr", option] if option.startswith("M") else [option]) as server:
            error = refusal(Mistake, server)
        assert "no common way to encrypt" in error.message

    @pytest.mark.rows(2)
    @pytest.mark.parametrize(("theirs", "ours"), [
        ("Ciphers aes256-cbc", "Ciphers +aes256-cbc"), ("Ciphers aes256-gcm@openssh.com", ""),
        ("MACs hmac-sha2-512-etm@openssh.com", "Ciphers aes128-ctr"), ("KexAlgorithms curve25519-sha256", ""),
        ("KexAlgorithms diffie-hellman-group16-sha512", "KexAlgorithms diffie-hellman-group16-sha512"),
    ])
    def test_algorithms_of_the_user_are_used(self, tmp_path: Path, home: Path, open_to: Open, theirs: str, ours: str
                                             ) -> None:
        (home / ".ssh/config").write_text(f"{ours}\n")
        with Sshd(tmp_path, options=[theirs]) as server:
            assert open_to(server).run("echo hi", hide=True, in_stream=False).stdout == "hi\n"

    @pytest.mark.parametrize(("theirs", "ours"), [
        ("Ciphers aes128-ctr", "Ciphers aes256-ctr"), ("MACs hmac-sha2-256", "MACs hmac-sha2-512\nCiphers aes128-ctr"),
        ("KexAlgorithms curve25519-sha256", "KexAlgorithms diffie-hellman-group16-sha512"),
        ("Ciphers aes128-ctr", "HostKeyAlgorithms rsa-sha2-512"),
    ])
    def test_algorithms_that_the_user_leaves_out_are_not_used(self, tmp_path: Path, home: Path, theirs: str, ours: str
                                                              ) -> None:
        (home / ".ssh/config").write_text(f"{ours}\n")
        with Sshd(tmp_path, options=[theirs]) as server:
            assert "no common way to encrypt" in refusal(Mistake, server).message

    @pytest.mark.parametrize(("theirs", "ours", "keyword", "remedy"), [
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com", "", "KexAlgorithms", "curve25519-sha256, "),
        ("Ciphers chacha20-poly1305@openssh.com", "", "Ciphers", "Fabvisor has none of these"),
        ("MACs umac-128-etm@openssh.com", "Ciphers aes128-ctr", "MACs", "add one to MACs of its sshd_config"),
        ("Ciphers aes256-cbc", "", "Ciphers", "write Ciphers +aes256-cbc in ~/.ssh/config"),
    ])
    def test_algorithms_of_the_server_are_named_where_none_is_common(
        self, tmp_path: Path, home: Path, theirs: str, ours: str, keyword: str, remedy: str
    ) -> None:
        (home / ".ssh/config").write_text(f"{ours}\n")
        with Sshd(tmp_path, options=[theirs]) as server:
            error = refusal(Mistake, server)
        assert error.message.endswith(f"the server's {keyword} are {theirs.partition(' ')[2]}")
        assert remedy in error.hint

    def test_algorithms_that_only_openssh_has_are_named(self, sshd: Sshd, home: Path) -> None:
        (home / ".ssh/config").write_text("Ciphers chacha20-poly1305@openssh.com\n")
        error = refusal(Mistake, sshd)
        assert "allows only chacha20-poly1305@openssh.com" in error.message and "aes128-ctr" in error.hint

    @pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512"])
    def test_rsa_key_signs_with_an_accepted_hash(self, tmp_path: Path, home: Path, open_to: Open, algorithm: str
                                                 ) -> None:
        key = keygen(home / "rsa", "rsa")
        (home / ".ssh/config").write_text(f"PubkeyAcceptedAlgorithms {algorithm}\n")
        with Sshd(tmp_path, options=["LogLevel DEBUG2"]) as server:
            server.authorize(key)
            assert open_to(server, identity_file=str(key)).is_connected
            assert f"signature algorithm {algorithm}" in server.log or algorithm in server.log

    def test_key_of_a_type_that_is_not_accepted_is_named(self, sshd: Sshd, home: Path) -> None:
        (home / ".ssh/config").write_text("PubkeyAcceptedAlgorithms rsa-sha2-512\n")
        assert "ssh-ed25519 is not in PubkeyAcceptedAlgorithms" in refusal(LoginError, sshd).message

    def test_defaults_without_openssh_are_those_that_it_has(self) -> None:
        have = {kind: subprocess.run(["ssh", "-Q", kind], check=True, capture_output=True, text=True).stdout.split()
                for kind in ("cipher", "mac", "key")}
        assert set(OPENSSH.ciphers) <= set(have["cipher"]) and set(OPENSSH.macs) <= set(have["mac"])
        shown = dict(line.partition(" ")[::2] for line in subprocess.run(
            ["ssh", "-F", "none", "-G", "x"], check=True, capture_output=True, text=True,
            stdin=subprocess.DEVNULL).stdout.splitlines())
        assert set(OPENSSH.ciphers) <= set(shown["ciphers"].split(","))
        assert set(OPENSSH.macs) <= set(shown["macs"].split(","))
        assert set(OPENSSH.host_keys) <= set(shown["hostkeyalgorithms"].split(","))


class TestAddresses:
    def test_address_family_limits_the_addresses(self, sshd: Sshd, home: Path, open_to: Open) -> None:
        (home / ".ssh/config").write_text("AddressFamily inet\n")
        assert open_to(sshd, address="localhost", known_hosts=str(self.known(sshd))).is_connected
        (home / ".ssh/config").write_text("AddressFamily inet6\n")
        error = refusal(Unreachable, sshd)
        assert "AddressFamily inet6" in error.message

    def test_bind_address_is_where_the_connection_comes_from(self, sshd: Sshd, home: Path, open_to: Open) -> None:
        (home / ".ssh/config").write_text("BindAddress 127.0.0.9\n")
        peer = open_to(sshd).transport.sock.getsockname()
        assert peer[0] == "127.0.0.9"
        (home / ".ssh/config").write_text("BindAddress 192.0.2.1\n")
        assert "BindAddress 192.0.2.1" in refusal(Unreachable, sshd).message

    @staticmethod
    def known(sshd: Sshd) -> Path:
        path = sshd.folder / "known by name"
        path.write_text(f"[localhost]:{sshd.port} {public(sshd.host_keys[0])}\n")
        return path


@pytest.mark.promise(6)
class TestKnownHosts:
    def command(self, home: Path, text: str) -> Path:
        script = home / "known.sh"
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        return script

    def test_known_hosts_command_names_the_key(self, sshd: Sshd, home: Path, open_to: Open) -> None:
        script = self.command(home, f'echo "$1 $2" >>{home}/asked; echo "{sshd.known_hosts_line.strip()}"')
        (home / ".ssh/config").write_text(f'KnownHostsCommand {script} "%H" %I\n')
        assert open_to(sshd, known_hosts=None).is_connected
        assert (home / "asked").read_text().splitlines()[0] == f"{sshd.name} ORDER"

    def test_known_hosts_command_sees_the_key(self, sshd: Sshd, home: Path, open_to: Open) -> None:
        script = self.command(home, f'test "$1" = NONE || echo "{sshd.name} $1 $2"')
        (home / ".ssh/config").write_text(f"KnownHostsCommand {script} %t %K\n")
        assert open_to(sshd, known_hosts=None).is_connected

    def test_known_hosts_command_that_fails_is_named(self, sshd: Sshd, home: Path) -> None:
        script = self.command(home, "echo the directory is down >&2; exit 3")
        (home / ".ssh/config").write_text(f"KnownHostsCommand {script}\n")
        error = refusal(HostKeyError, sshd, known_hosts=None)
        assert "KnownHostsCommand: exit status 3: the directory is down" in error.message

    def test_known_hosts_of_hosts_yaml_ask_no_command(self, sshd: Sshd, home: Path, open_to: Open) -> None:
        (home / ".ssh/config").write_text("KnownHostsCommand /nowhere/command\n")
        assert open_to(sshd).is_connected

    @pytest.mark.parametrize("form", ["list", "KRL"])
    def test_revoked_host_keys_refuse_a_known_key(self, sshd: Sshd, home: Path, form: str, open_to: Open) -> None:
        revoked = home / "revoked"
        key = f"{sshd.host_keys[0]}.pub"
        if form == "KRL":
            subprocess.run(["ssh-keygen", "-q", "-k", "-f", str(revoked), key], check=True, capture_output=True)
        else:
            revoked.write_text(Path(key).read_text())
        (home / ".ssh/config").write_text(f"RevokedHostKeys {revoked}\n")
        assert f"is revoked in {revoked}" in refusal(HostKeyError, sshd).message
        revoked.write_text(Path(f"{keygen(home / 'other')}.pub").read_text())
        assert open_to(sshd).is_connected
        revoked.unlink()
        assert "cannot be read" in refusal(HostKeyError, sshd).message


class TestRefusedOptions:
    @pytest.mark.parametrize(("line", "hint"), [
        ("BindInterface eth0", "BindAddress"), ("ProxyUseFdpass yes", "nc %h %p"), ("PubkeyAuthentication no", "allow"),
    ])
    def test_option_that_cannot_be_obeyed_is_named(self, home: Path, line: str, hint: str) -> None:
        (home / ".ssh/config").write_text(f"Host web1\n  {line}\n")
        with pytest.raises(Mistake, match=line.split(maxsplit=1)[0]) as caught:
            effective(Host(name="web1", root="/srv"))
        assert hint in caught.value.hint
        assert effective(Host(name="web2", root="/srv")).hostname == "web2"


class TestUsers:
    @pytest.mark.parametrize("user", ["CORP\\deploy", "deploy@corp.example.com", "a\\b@c", "n\\x"])
    def test_user_of_a_directory_is_taken_as_written(self, home: Path, user: str) -> None:
        (home / ".ssh/config").write_text('Host web2\n  User "CORP\\\\ops"\nMatch final host web1\n  Port 2200\n')
        settings = effective(Host(name="web1", root="/srv", user=user))
        assert (settings.user, settings.port) == (user, 2200)
        host = Host(name="web1", root="/srv", gateway=f"{user}@bastion:2222")
        gateway = gateway_of(host, effective(host))
        assert gateway is not None and (gateway.user, gateway.name, gateway.port) == (user, "bastion", 2222)

    @pytest.mark.parametrize("user", ["a;b", "$(x)", "a b", "-oX"])
    def test_user_that_is_shell_code_is_refused(self, user: str) -> None:
        with pytest.raises(Mistake, match="cannot be a host's user"):
            effective(Host(name="web1", root="/srv", user=user))

    def test_login_of_a_user_of_a_directory_reaches_the_server(self, sshd: Sshd) -> None:
        error = refusal(LoginError, sshd, user="CORP\\deploy")
        assert "login refused for CORP\\deploy" in error.message
        wait_for(lambda: "CORP\\\\deploy" in sshd.log or "CORP\\deploy" in sshd.log, "the login in the server's log")


class TestProxyCommand:
    def test_words_of_a_proxy_command_are_shown(self, sshd: Sshd, home: Path) -> None:
        (home / ".ssh/config").write_text(
            "Host web1\n  ProxyCommand sh -c 'echo the token has expired: run step login >&2; exit 3'\n")
        error = refusal(Unreachable, sshd)
        assert "the token has expired: run step login" in error.message and "ProxyCommand" in error.message

    def test_words_of_a_proxy_command_that_hangs_are_shown(self, sshd: Sshd, home: Path) -> None:
        (home / ".ssh/config").write_text(
            "Host web1\n  ProxyCommand sh -c 'echo waiting for the VPN >&2; exec sleep 30'\n")
        error = refusal(Unreachable, sshd, connect_timeout=1.0)
        assert "waiting for the VPN" in error.message

    @pytest.mark.parametrize("command", [
        "sh -c 'seq 100000 >&2; exec python3 %d/pipe.py %h %p'", "python3 %d/pipe.py %h %p 2> >(cat >&2)"
    ], ids=["talks much", "is written for bash"])
    @pytest.mark.usefixtures("pipe")
    def test_proxy_command_runs_in_the_users_shell(self, sshd: Sshd, home: Path, open_to: Open, command: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SHELL", shutil.which("bash") or "")
        (home / ".ssh/config").write_text(f"Host web1\n  ProxyCommand {command}\n")
        assert open_to(sshd).is_connected


@pytest.mark.usefixtures("real_hosts")
class TestBusyServers:
    def test_connection_that_max_startups_turns_away_is_tried_again(self, tmp_path: Path) -> None:
        """One login at a time: the others are turned away at first."""
        with Sshd(tmp_path, options=["MaxStartups 1:100:1"]) as server, ThreadPoolExecutor(5) as pool:
            host = Host(**server.host_settings(connect_timeout=30.0))
            for connection in pool.map(connect, [host] * 5):
                assert connection.is_connected
                connection.sever()
            assert "MaxStartups" in server.log

    def test_gateway_that_max_startups_turns_away_is_tried_again(self, tmp_path: Path, home: Path, sshd: Sshd) -> None:
        with Sshd(tmp_path, options=["MaxStartups 1:100:1"]) as gateway, ThreadPoolExecutor(5) as pool:
            (home / ".ssh/known_hosts").write_text(gateway.known_hosts_line + sshd.known_hosts_line)
            (home / ".ssh/config").write_text(
                f"Host jump\n  HostName {gateway.host}\n  Port {gateway.port}\n  IdentityFile {gateway.client_key}\n")
            settings = {**sshd.host_settings(), "known_hosts": None, "identity_file": None}
            with (home / ".ssh/config").open("a") as file:
                file.write(f"Host web1\n  IdentityFile {sshd.client_key}\n")
            host = Host(**settings, gateway="jump", connect_timeout=30.0)
            for connection in pool.map(connect, [host] * 5):
                assert connection.hop is not None
                connection.sever()
            assert "MaxStartups" in gateway.log

    def test_server_that_stays_busy_is_named(self, tmp_path: Path) -> None:
        with Sshd(tmp_path, options=["MaxStartups 1:100:1", "LoginGraceTime 60"]) as server, \
                socket.create_connection((server.host, server.port)) as first:
            first.recv(100)
            error = refusal(Unreachable, server, connect_timeout=1.0)
        assert "MaxStartups" in error.hint or "MaxStartups" in error.message


@pytest.mark.parametrize("text", [b"Host web1 # Gr\xfc\xdfe\n  Port 2203\n",
                                  b"Match final all\n  User deploy\nHost web1\n  Port 2203\n"],
                         ids=["not UTF-8", "Match final all"])
def test_ssh_config_that_fabric_cannot_read_is_read(home: Path, text: bytes) -> None:
    (home / ".ssh/config").write_bytes(text)
    assert effective(Host(name="web1", root="/srv")).port == 2203


def test_connection_never_reads_the_ssh_config_by_fabric(sshd: Sshd, home: Path, open_to: Open) -> None:
    (home / ".ssh/config").write_bytes(b"Match final all\n  User deploy\n# \xfc\n")
    assert open_to(sshd).run("echo hi", hide=True, in_stream=False).stdout == "hi\n"
    assert os.environ["HOME"] == str(home)
