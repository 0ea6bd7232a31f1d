"""Every way in which a connection fails, against real servers."""

from __future__ import annotations

import errno
import getpass
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from paramiko import PKey, SSHException
from paramiko.common import MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST

from tasks._errors import FabvisorError, HostKeyError, LoginError, Mistake, Unreachable
from tasks.inventory.model import Host
from tasks.remote import ssh_command
from tasks.remote.configuration.ssh_config import effective
from tasks.remote.connection import dial, gateways
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import HostConnection
from tasks.remote.paramiko_private.client_transport import ClientTransport
from tasks.remote.paramiko_private.key_login import authenticate
from tests.support.half_duplex import HalfDuplex
from tests.support.lab import wait_for
from tests.support.proxy import Proxy
from tests.support.sshd import Sshd, keygen, public

Open = Callable[..., HostConnection]
SESSION = -1                                # stands for the request for a session


def refusal(kind: type[FabvisorError], **settings: Any) -> FabvisorError:
    with pytest.raises(kind) as caught:
        connect(Host(**settings)).sever()
    assert caught.value.hint
    assert caught.value.exit_code == (75 if kind is Unreachable else 2)
    assert "\n" not in caught.value.message
    return caught.value


def of_file(key: Path) -> str:
    out = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], check=True, capture_output=True, text=True).stdout
    return out.split()[1]


def test_connection_runs_a_command_without_delay_and_with_keepalive(sshd: Sshd, open_to: Open) -> None:
    connection = open_to(sshd)
    assert connection.run("echo hi", hide=True, in_stream=False).stdout == "hi\n"
    link = connection.transport.sock
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    connection.close()
    assert not connection.is_connected


def test_connection_ignores_the_callers_fabric_configuration(sshd: Sshd, open_to: Open, home: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".fabric.yaml").write_text("user: nobody\nport: 1\ngateway: nowhere\n")
    (home / ".ssh/config").write_text("Host *\n  ForwardAgent /some/path\n  ConnectTimeout 1\n")
    monkeypatch.setenv("FABRIC_PORT", "1")
    assert open_to(sshd).is_connected


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.promise(6)
@pytest.mark.parametrize("known", ["ed25519", "ecdsa", "rsa"])
def test_connection_asks_for_the_known_type_of_host_key(tmp_path: Path, open_to: Open, known: str) -> None:
    with Sshd(tmp_path, host_keys=("ed25519", "ecdsa", "rsa")) as server:
        key = next(key for key in server.host_keys if key.name.endswith(known))
        (tmp_path / "kh").write_text(f"{server.name} {public(key)}\n")
        assert open_to(server, known_hosts=str(tmp_path / "kh")).is_connected


class TestHostKeys:
    @pytest.mark.promise(6)
    def test_unknown_host_key_is_refused_with_its_fingerprint(self, sshd: Sshd, tmp_path: Path) -> None:
        (tmp_path / "kh").write_text("")
        error = refusal(HostKeyError, **sshd.host_settings(known_hosts=str(tmp_path / "kh")))
        for part in ("web1", "unknown host key", of_file(sshd.host_keys[0]), "ssh-ed25519", sshd.name,
                     str(tmp_path / "kh")):
            assert part in error.message
        assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in error.hint
        assert (tmp_path / "kh").read_text() == ""

    @pytest.mark.promise(6)
    def test_unknown_host_key_names_the_variable_when_it_is_set(self, sshd: Sshd, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
        """Also where GitLab gives it as a file; and where it gives none."""
        file = tmp_path / "SSH_KNOWN_HOSTS"
        file.write_text("github.com ssh-ed25519 AAAA")
        for value in (file.read_text(), str(file)):
            monkeypatch.setenv("SSH_KNOWN_HOSTS", value)
            error = refusal(HostKeyError, **sshd.host_settings(known_hosts=None))
            assert "SSH_KNOWN_HOSTS" in error.message
            assert "to the variable SSH_KNOWN_HOSTS" in error.hint
        monkeypatch.delenv("SSH_KNOWN_HOSTS")
        monkeypatch.setenv("GITLAB_CI", "true")
        assert "SSH_KNOWN_HOSTS is not set" in refusal(HostKeyError, **sshd.host_settings(known_hosts=None)).hint

    @pytest.mark.promise(6)
    def test_host_key_is_checked_whatever_the_ssh_config_says(self, sshd: Sshd, home: Path) -> None:
        (home / ".ssh/config").write_text("Host *\n  StrictHostKeyChecking no\n")
        error = refusal(HostKeyError, **sshd.host_settings(known_hosts=None))
        assert f"{home}/.ssh/known_hosts" in error.message
        assert not (home / ".ssh/known_hosts").exists()

    @pytest.mark.promise(6)
    def test_changed_host_key_is_refused_with_both_fingerprints(self, sshd: Sshd, tmp_path: Path) -> None:
        other = keygen(tmp_path / "other")
        (tmp_path / "kh").write_text(f"# mine\n{sshd.name} {public(other)}\n")
        error = refusal(HostKeyError, **sshd.host_settings(known_hosts=str(tmp_path / "kh")))
        for part in ("changed", of_file(other), of_file(sshd.host_keys[0]), f"{tmp_path}/kh:2"):
            assert part in error.message
        assert f"ssh-keygen -R '{sshd.name}' -f {tmp_path}/kh" in error.hint

    @pytest.mark.promise(6)
    def test_revoked_host_key_is_refused(self, sshd: Sshd, tmp_path: Path) -> None:
        (tmp_path / "kh").write_text(f"{sshd.known_hosts_line}@revoked * {public(sshd.host_keys[0])}\n")
        error = refusal(HostKeyError, **sshd.host_settings(known_hosts=str(tmp_path / "kh")))
        assert "revoked" in error.message and f"{tmp_path}/kh:2" in error.message

    def test_host_key_alias_is_looked_up_in_the_variable(self, sshd: Sshd, home: Path, open_to: Open,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
        (home / ".ssh/config").write_text("Host web1\n  HostKeyAlias prod\n")
        monkeypatch.setenv("SSH_KNOWN_HOSTS", f"\ufeffprod {public(sshd.host_keys[0])}\r\n")
        assert open_to(sshd, known_hosts=None).is_connected


class TestLogin:
    def test_refused_login_names_user_and_key(self, sshd: Sshd, tmp_path: Path) -> None:
        stranger = keygen(tmp_path / "stranger")
        error = refusal(LoginError, **sshd.host_settings(identity_file=str(stranger)))
        for part in ("login refused", sshd.user, str(stranger)):
            assert part in error.message

    def test_login_without_any_key_says_how_to_give_one(self, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
        error = refusal(LoginError, **sshd.host_settings(identity_file=None))
        assert "no key to log in with" in error.message
        monkeypatch.setenv("GITLAB_CI", "true")
        error = refusal(LoginError, **sshd.host_settings(identity_file=None))
        assert "protected variable" in error.hint and "SSH_PRIVATE_KEY is not set" in error.hint
        monkeypatch.delenv("GITLAB_CI")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        error = refusal(LoginError, **sshd.host_settings(identity_file=None))
        assert "SSH_PRIVATE_KEY is not set in this job: is it a secret" in error.hint

    def test_login_with_only_a_locked_key_says_ssh_add(self, sshd: Sshd, home: Path) -> None:
        keygen(home / ".ssh/id_ed25519", passphrase="secret")
        error = refusal(LoginError, **sshd.host_settings(identity_file=None))
        assert "id_ed25519: the key has a passphrase" in error.message
        assert error.hint == f"ssh-add {home}/.ssh/id_ed25519"

    @pytest.mark.usefixtures("real_hosts")
    def test_login_with_too_many_keys_says_identity_file(self, tmp_path: Path, home: Path) -> None:
        (home / ".ssh/config").write_text("".join(
            f"IdentityFile {keygen(home / f'key{number}')}\n" for number in range(4)))
        with Sshd(tmp_path, options=["MaxAuthTries 2"]) as server:
            error = refusal(LoginError, **server.host_settings(identity_file=None))
        assert "closed the connection after" in error.message and "key0" in error.message
        assert "identity_file" in error.hint

    def test_login_tries_the_second_configured_key(self, sshd: Sshd, home: Path, open_to: Open) -> None:
        (home / ".ssh/config").write_text(f"IdentityFile {keygen(home / 'other')}\nIdentityFile ~/missing\n"
                                          f"IdentityFile {sshd.client_key}\n")
        assert open_to(sshd, identity_file=None).is_connected

    @pytest.mark.usefixtures("real_hosts")
    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
    def test_login_works_with_each_kind_of_key(self, tmp_path: Path, open_to: Open, kind: str) -> None:
        key = keygen(tmp_path / "mine", kind)
        with Sshd(tmp_path) as server:
            server.authorize(key)
            assert open_to(server, identity_file=str(key)).is_connected

    @pytest.mark.parametrize(("kind", "extensions", "messages"), [
        ("ed25519", {}, [MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST, SESSION]),
        ("rsa", {}, [MSG_SERVICE_REQUEST]),
        ("rsa", {"server-sig-algs": b"rsa-sha2-256"}, [MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST, SESSION])])
    def test_login_sends_a_key_early_only_when_it_can_sign(self, tmp_path: Path, kind: str,
                                                           extensions: dict[str, bytes], messages: list[int]) -> None:
        """With what an RSA key signs depends on what the server knows."""
        sent: list[int] = []
        transport: Any = ClientTransport(socket.socket())
        transport.server_extensions = extensions
        transport.session_id, transport.active, transport.initial_kex_done = b"id", True, True
        transport._send_message = lambda message: sent.append(message.asbytes()[0])
        transport.auth_timeout = 0
        with pytest.raises(SSHException):
            authenticate(transport, "me", PKey.from_path(keygen(tmp_path / "mine", kind)), lambda: sent.append(SESSION))
        assert sent == messages

    @pytest.mark.parametrize("kind", ["ed25519", "rsa"])
    def test_session_and_its_command_are_requested_with_the_last_key(self, tmp_path: Path, sshd: Sshd,
                                                                     kind: str) -> None:
        """The command runs before the client hears of its login: each wait for an answer would take a round trip."""
        key = keygen(tmp_path / "mine", kind)
        sshd.authorize(key)
        begun = tmp_path / "begun"
        with HalfDuplex(sshd.host, sshd.port) as proxy, ThreadPoolExecutor(1) as pool:
            file = tmp_path / "known"
            file.write_text(f"[{proxy.host}]:{proxy.port} {public(sshd.host_keys[0])}\n")
            host = Host(**sshd.host_settings(port=proxy.port, known_hosts=str(file), identity_file=str(key)))
            connecting = pool.submit(connect, host, command=f": > {begun}")
            wait_for(begun.exists, "the command")
            assert not connecting.done()
            proxy.answer()
            connecting.result().sever()

    def test_command_that_ended_before_anybody_asked_has_said_why(self, sshd: Sshd) -> None:
        command = "echo no such command; exit 7"
        connection = connect(Host(**sshd.host_settings()), command=command)
        request = connection.transport._requested
        assert request is not None
        wait_for(lambda: request._channel.closed, "the end of the command")
        channel = connection.transport.execute(command)
        assert (channel.recv(100), channel.recv_exit_status()) == (b"no such command\n", 7)
        connection.sever()

    @pytest.mark.usefixtures("real_hosts")
    def test_login_names_the_methods_when_keys_are_not_taken(self, tmp_path: Path) -> None:
        with Sshd(tmp_path, options=["PubkeyAuthentication no", "PasswordAuthentication yes"]) as server:
            error = refusal(LoginError, **server.host_settings())
        assert "only password" in error.message

    @pytest.mark.usefixtures("real_hosts")
    def test_login_names_a_second_factor(self, tmp_path: Path) -> None:
        options = ["AuthenticationMethods publickey,password", "PasswordAuthentication yes"]
        with Sshd(tmp_path, options=options) as server:
            error = refusal(LoginError, **server.host_settings())
        assert "also asks for password" in error.message

    def test_login_works_with_the_private_key_variable(self, sshd: Sshd, open_to: Open,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
        text = sshd.client_key.read_text().rstrip().replace("\n", "\r\n")
        monkeypatch.setenv("SSH_PRIVATE_KEY", text)
        assert open_to(sshd, identity_file=None).is_connected


@contextmanager
def server_that(does: Callable[[socket.socket], None]) -> Iterator[dict[str, Any]]:
    """Host settings of a server that is no sshd. Its connections stay open until the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    links: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            links.append(link)
            with suppress(OSError):         # the client may be gone by then
                does(link)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield {"name": "web1", "root": "/srv", "address": "127.0.0.1", "port": listener.getsockname()[1], "user": "u"}
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for link in (listener, *links):
            link.close()


class TestUnreachable:
    def test_unknown_name_is_unreachable(self) -> None:
        error = refusal(Unreachable, name="no-such-host.invalid", root="/srv", user="u")
        assert "the name no-such-host.invalid was not found" in error.message

    def test_refused_connection_is_unreachable(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            host = {"name": "web1", "root": "/srv", "address": "127.0.0.1", "port": port, "user": "u"}
            error = refusal(Unreachable, **host)
        assert f"web1 (127.0.0.1:{port})" in error.message and "refused the connection" in error.message

    def test_missing_route_is_unreachable(self) -> None:
        error = refusal(Unreachable, name="web1", root="/srv", address="255.255.255.255", user="u")
        assert "no route to 255.255.255.255:22" in error.message or "cannot be reached" in error.message

    @pytest.mark.parametrize(("code", "words"), [
        (errno.ENETUNREACH, "no route"), (errno.EHOSTUNREACH, "no route"), (errno.ECONNREFUSED, "refused"),
        (errno.ETIMEDOUT, "timed out"), (errno.EACCES, "cannot be reached")])
    def test_socket_error_has_words_for_each_code(self, code: int, words: str) -> None:
        settings = effective(Host(name="web1", root="/srv", user="u"))
        error = dial._worst("web1", settings, 10, [OSError(code, "text")])
        assert words in error.message and "web1:22" in error.message

    def test_server_that_closes_at_once_is_unreachable(self) -> None:
        with server_that(lambda link: link.shutdown(socket.SHUT_RDWR)) as settings:
            error = refusal(Unreachable, **settings, connect_timeout=1)
        assert "closed the connection before saying anything" in error.message

    def test_mute_server_times_out_within_connect_timeout(self) -> None:
        with server_that(lambda link: None) as settings:
            started = time.monotonic()
            error = refusal(Unreachable, **settings, connect_timeout=1)
            assert "timed out" in error.message and "within 1 s" in error.message
            assert time.monotonic() - started < 10, "far below paramiko's own 15 s for a banner"

    def test_server_silent_after_its_banner_times_out(self) -> None:
        with server_that(lambda link: link.sendall(b"SSH-2.0-x\r\n")) as settings:
            error = refusal(Unreachable, **settings, connect_timeout=1)
        assert "timed out" in error.message

    @pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\x00\x01\r\n"])
    def test_server_without_ssh_is_named(self, words: bytes) -> None:
        def talk(link: socket.socket) -> None:
            link.sendall(words)
            link.shutdown(socket.SHUT_WR)

        with server_that(talk) as settings:
            error = refusal(Unreachable, **settings)
        assert "is not an SSH server" in error.message

    @pytest.mark.parametrize("sent", [
        b"\x14" + bytes(16) + b"\0\0\0\1\xff",
        b"\x01" + bytes(4) + b"\0\0\0\4d\xe9j\xe0"], ids=["offer", "farewell"])
    def test_server_whose_words_are_not_utf8_is_named(self, sent: bytes) -> None:
        padding = 16 - (5 + len(sent)) % 8
        packet = (1 + len(sent) + padding).to_bytes(4, "big") + bytes([padding]) + sent + bytes(padding)
        with server_that(lambda link: link.sendall(b"SSH-2.0-x\r\n" + packet)) as settings:
            assert "it sends what is not SSH" in refusal(Unreachable, **settings).message

    def test_server_of_an_old_version_of_ssh_is_named(self) -> None:
        with server_that(lambda link: link.sendall(b"SSH-1.5-old\r\n")) as settings:
            assert "1.5 instead of 2.0" in refusal(Mistake, **settings).message

    def test_full_listener_queue_times_out(self) -> None:
        """A full queue of a listener: the kernel drops what comes after."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            fill = [socket.socket() for _ in range(4)]
            for link in fill:
                link.setblocking(False)
                link.connect_ex(address)
            error = refusal(Unreachable, name="web1", root="/srv", address="127.0.0.1", port=address[1], user="u",
                            connect_timeout=0.5)
            for link in fill:
                link.close()
        assert "timed out" in error.message

    def test_slow_name_lookup_times_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer.wait() and [])
        error = refusal(Unreachable, name="web1", root="/srv", address="slow.example", user="u", connect_timeout=0.2)
        answer.set()
        assert "the name slow.example could not be looked up within 0.2 s" in error.message

    @pytest.mark.usefixtures("real_hosts")
    def test_slow_login_times_out(self, tmp_path: Path) -> None:
        """As where a directory service is asked for the keys, and is slow."""
        with Sshd(tmp_path, options=["AuthorizedKeysCommand /bin/sleep 4",
                                     f"AuthorizedKeysCommandUser {getpass.getuser()}"]) as server:
            server.authorized_keys.write_text("")
            error = refusal(Unreachable, **server.host_settings(connect_timeout=1.5))
            server.end_sessions()
        assert f"timed out during the login of {server.user}" in error.message

    @pytest.mark.usefixtures("real_hosts")
    def test_server_without_a_common_algorithm_is_a_mistake(self, tmp_path: Path) -> None:
        with Sshd(tmp_path, options=["KexAlgorithms sntrup761x25519-sha512@openssh.com"]) as server:
            error = refusal(Mistake, **server.host_settings())
        assert "no common way to encrypt" in error.message and "KexAlgorithms" in error.hint

    @pytest.mark.usefixtures("real_hosts")
    def test_connection_lost_during_the_login_is_unreachable(self, tmp_path: Path) -> None:
        """One wrong key is one too many there."""
        with Sshd(tmp_path, options=["MaxAuthTries 1"]) as server:
            server.authorized_keys.write_text("")
            error = refusal(Unreachable, **server.host_settings())
        assert f"connection lost during the login of {server.user}" in error.message and error.hint

    def test_connection_lost_during_the_key_exchange_is_unreachable(self) -> None:
        def talk(link: socket.socket) -> None:
            link.sendall(b"SSH-2.0-x\r\n")
            link.recv(100)
            link.shutdown(socket.SHUT_RDWR)

        with server_that(talk) as settings:
            error = refusal(Unreachable, **settings)
        assert "connection lost" in error.message


class TestGateway:
    @pytest.fixture
    def jump(self, tmp_path: Path, home: Path, sshd: Sshd) -> Iterator[Sshd]:
        with Sshd(tmp_path) as server:
            server.authorize(sshd.client_key)
            (home / ".ssh/known_hosts").write_text(server.known_hosts_line)
            (home / ".ssh/config").write_text(
                f"Host jump\n  HostName 127.0.0.1\n  Port {server.port}\n  User {server.user}\n"
                f"  IdentityFile {server.client_key}\n")
            yield server

    def test_gateway_by_name_or_address_carries_the_connection(self, sshd: Sshd, jump: Sshd, open_to: Open) -> None:
        """The machine may have another host at another port, such as a container's."""
        address = f"{jump.user}@127.0.0.1:{jump.port}"
        for name, gateway in (("web1", "jump"), ("web1", address), ("127.0.0.1", address)):
            connection = open_to(sshd, name=name, gateway=gateway)
            assert connection.run("echo hi", hide=True, in_stream=False).stdout == "hi\n"
            hop = connection.hop
            assert hop is not None
            connection.close()
            assert not hop.is_connected

    def test_gateways_can_be_chained(self, sshd: Sshd, jump: Sshd, open_to: Open) -> None:
        connection = open_to(sshd, gateway=f"jump,{jump.user}@localhost:{jump.port}", known_hosts=None)\
            if _known(jump, sshd) else None
        assert connection is not None and connection.hop is not None and connection.hop.hop is not None

    def test_proxy_jump_of_the_ssh_config_is_used(self, sshd: Sshd, jump: Sshd, home: Path, open_to: Open) -> None:
        with (home / ".ssh/config").open("a") as file:
            file.write("Host web1\n  ProxyJump jump\n")
        assert open_to(sshd).hop is not None

    def test_proxy_command_of_the_ssh_config_is_used(self, sshd: Sshd, home: Path, pipe: Path, open_to: Open) -> None:
        (home / ".ssh/config").write_text(f"Host web1\n  ProxyCommand python3 '{pipe}' %h %p\n")
        assert open_to(sshd).run("echo hi", hide=True, in_stream=False).stdout == "hi\n"
        (home / ".ssh/config").write_text("Host web1\n  ProxyCommand exit 1\n")
        assert "ProxyCommand" in refusal(Unreachable, **sshd.host_settings()).message

    def test_lost_link_to_the_gateway_is_named(self, sshd: Sshd, jump: Sshd, open_to: Open) -> None:
        gateway = open_to(jump)
        gateway.sever()
        with pytest.raises(Unreachable, match="web1: connection lost to the gateway jump"):
            gateways.through("web1", effective(Host(**sshd.host_settings())), 1, gateway.transport, "jump")

    @pytest.mark.promise(6)
    def test_unknown_key_of_the_gateway_is_refused(self, sshd: Sshd, jump: Sshd, home: Path) -> None:
        (home / ".ssh/known_hosts").write_text("")
        error = refusal(HostKeyError, **sshd.host_settings(gateway="jump"))
        for part in ("gateway jump", "unknown host key", of_file(jump.host_keys[0]), jump.name):
            assert part in error.message

    @pytest.mark.promise(6)
    def test_ssh_of_the_system_goes_by_the_gateway_and_refuses_its_unknown_key(self, sshd: Sshd, jump: Sshd,
                                                                               home: Path) -> None:
        words = ssh_command.words(Host(**sshd.host_settings(gateway="jump")), "echo hi")
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.stdout.split() == ["hi"], done.stderr
        (home / ".ssh/known_hosts").write_text("")
        refused = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert refused.returncode == 255 and "Host key verification failed" in refused.stderr
        assert (home / ".ssh/known_hosts").read_text() == ""

    @pytest.mark.promise(6)
    def test_unknown_key_behind_the_gateway_is_refused(self, sshd: Sshd, jump: Sshd, tmp_path: Path) -> None:
        (tmp_path / "kh").write_text("")
        error = refusal(HostKeyError, **sshd.host_settings(gateway="jump", known_hosts=str(tmp_path / "kh")))
        assert "gateway" not in error.message and sshd.name in error.message
        assert "ssh -J jump" in error.hint

    def test_login_refused_by_the_gateway_is_named(self, sshd: Sshd, jump: Sshd) -> None:
        jump.authorized_keys.write_text("")
        error = refusal(LoginError, **sshd.host_settings(gateway="jump"))
        assert "gateway jump" in error.message and "login refused" in error.message

    def test_gateway_that_cannot_reach_the_host_is_named(self, sshd: Sshd, jump: Sshd) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            settings = sshd.host_settings(gateway="jump", port=free.getsockname()[1])
            error = refusal(Unreachable, **settings)
        assert "the gateway jump cannot reach 127.0.0.1" in error.message

    def test_connection_to_the_gateway_ends_where_the_host_behind_it_refuses_us(self, sshd: Sshd, jump: Sshd) -> None:
        before = {*threading.enumerate()}
        sshd.authorized_keys.write_text("")
        refusal(LoginError, **sshd.host_settings(gateway="jump"))
        wait_for(lambda: not any(isinstance(each, ClientTransport) for each in {*threading.enumerate()} - before),
                 "the end of both connections")

    def test_gateway_that_forbids_forwarding_is_named(self, tmp_path: Path, sshd: Sshd, jump: Sshd) -> None:
        jump.authorized_keys.write_text(f"no-port-forwarding {public(sshd.client_key)}\n")
        assert "AllowTcpForwarding" in refusal(Unreachable, **sshd.host_settings(gateway="jump")).hint

    def test_gateway_that_refuses_the_connection_is_named(self, sshd: Sshd) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            error = refusal(Unreachable, **sshd.host_settings(gateway=f"127.0.0.1:{port}"))
        assert "gateway 127.0.0.1" in error.message and "refused" in error.message

    def test_circle_of_gateways_is_a_mistake(self, sshd: Sshd, home: Path) -> None:
        (home / ".ssh/config").write_text("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
        assert "circle" in refusal(Mistake, **sshd.host_settings(gateway="a")).message

    def test_sever_ends_quickly_behind_a_frozen_gateway(self, sshd: Sshd, jump: Sshd, open_to: Open,
                                                        home: Path) -> None:
        with Proxy(jump.host, jump.port) as proxy:
            (home / ".ssh/known_hosts").write_text(
                f"[127.0.0.1]:{proxy.port} {public(jump.host_keys[0])}\n")
            connection = open_to(sshd, gateway=f"{jump.user}@127.0.0.1:{proxy.port}")
            proxy.freeze()
            started = time.monotonic()
            connection.sever()
            assert time.monotonic() - started < 5
            assert not connection.is_connected


def _known(*servers: Sshd) -> bool:
    """Adds the servers to ~/.ssh/known_hosts, also by the name localhost."""
    text = "".join(server.known_hosts_line for server in servers)
    Path("~/.ssh/known_hosts").expanduser().write_text(text + text.replace("[127.0.0.1]", "[localhost]"))
    return True
