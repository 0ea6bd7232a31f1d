"""Servers that say that they are OpenSSH, and are something else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from paramiko import Channel, Ed25519Key, PKey, ServerInterface, SSHException, Transport
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED

from tasks._errors import HostKeyError, LoginError, Unreachable
from tasks.inventory.model import Host
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import FirstInput
from tasks.remote.connection.known_servers import Server, recall, remember
from tests.support.sshd import Sshd, keygen, public


class FalseOpenSSH(ServerInterface):
    """One connection of it, the `number`th. The offence is what it does to the first one, and why it is no OpenSSH."""

    def __init__(self, transport: Transport, number: int, place: Place) -> None:
        self.transport, self.place, self.tried = transport, place, place.tried[number]
        self.offence = place.offence if number == 0 or place.offence.startswith("always") else ""
        if self.offence == "numbers its channels from 7":
            transport._channel_counter = 7  # type: ignore[attr-defined]

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: PKey) -> int:
        name = f"{key.get_name()} {key.get_base64()}"
        if self.tried[-1:] != [name]:       # a key is shown, and then proved
            self.tried.append(name)
        if name in self.place.refused:
            return AUTH_FAILED
        if self.offence.endswith("drops the login"):
            self.transport.sock.shutdown(socket.SHUT_RDWR)
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if self.offence == "lets in, and drops the session":
            self.transport.sock.shutdown(socket.SHUT_RDWR)
        if self.offence == "never answers a request for a session":
            self.place.asked.set()
            self.place.over.wait(60)
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED if self.offence.endswith("refuses the session") \
            else OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        def run() -> None:
            with suppress(OSError, EOFError):
                channel.sendall(b"hi\n")
                channel.close()

        threading.Thread(target=run, daemon=True).start()
        return True


class Place:
    """Where it listens: `settings` of the host, and of each connection the keys that were tried."""

    def __init__(self, folder: Path, offence: str) -> None:
        self.offence = offence
        self.refused: list[str] = []        # keys
        self.key = keygen(folder / "client")
        self.host_keys = [keygen(folder / "host")]
        self.tried: list[list[str]] = []
        self.asked = threading.Event()      # for a session
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.known = folder / "known"
        self.known.write_text(f"[127.0.0.1]:{self.port} {public(self.host_keys[0])}\n")
        self._transports: list[Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def host(self) -> Host:
        return Host(name="web1", root="/srv", address="127.0.0.1", port=self.port, user="u",
                    identity_file=str(self.key), known_hosts=str(self.known))

    @property
    def name(self) -> str:
        return f"[127.0.0.1]:{self.port} 127.0.0.1:{self.port} "

    @property
    def seen(self) -> Server:
        return recall(self.name)

    def close(self) -> None:
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                transport = Transport(self.listener.accept()[0])
                self._transports.append(transport)
                number = len(self.tried)
                self.tried.append([])
                transport.local_version = "SSH-2.0-OpenSSH_8.0"
                transport.add_server_key(Ed25519Key(filename=str(self.host_keys[min(number, len(self.host_keys) - 1)])))
                with suppress(SSHException, EOFError):
                    transport.start_server(server=FalseOpenSSH(transport, number, self), event=threading.Event())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    places: list[Place] = []

    def make(offence: str) -> Place:
        places.append(Place(tmp_path, offence))
        return places[-1]

    yield make
    for each in places:
        each.close()


@pytest.mark.parametrize("offence", ["drops the login", "lets in, and drops the session", "refuses the session",
                                     "numbers its channels from 7"])
def test_server_that_takes_no_early_request_is_asked_once_more_and_remembered(place: Callable[..., Place], offence: str
                                                                              ) -> None:
    server = place(offence)
    for connections in (2, 3):
        connection = connect(server.host, command="echo hi")
        assert connection.transport.execute("echo hi").recv(100) == b"hi\n"
        connection.sever()
        assert not server.seen.takes_early
        assert [len(keys) for keys in server.tried] == [1] * connections


@pytest.mark.parametrize("offence", ["drops the login", "lets in, and drops the session", "refuses the session",
                                     "numbers its channels from 7"])
def test_what_a_server_did_not_take_with_the_login_is_still_to_be_sent(place: Callable[..., Place], offence: str
                                                                       ) -> None:
    server = place(offence)
    remember(server.name, Server("curve25519-sha256"))
    connection = connect(server.host, command="echo hi", first_input=lambda name: FirstInput("", b"x" * 300_000))
    assert connection.first_input is None
    assert connection.transport.execute("echo hi").recv(100) == b"hi\n"
    connection.sever()


def test_server_that_opens_no_session_at_all_is_not_remembered(place: Callable[..., Place]) -> None:
    server = place("always refuses the session")
    with pytest.raises(SSHException):
        connect(server.host, command="echo hi").transport.execute("echo hi")
    assert server.seen.takes_early and len(server.tried) == 2


@pytest.mark.parametrize("key_exchange", ["", "curve25519-sha256"])
def test_server_that_ends_each_login_gets_the_key_twice_only_once(place: Callable[..., Place], key_exchange: str
                                                                  ) -> None:
    """It may count logins, and lock the user out."""
    server = place("always drops the login")
    remember(server.name, Server(key_exchange))
    for tries in (2, 3):
        with pytest.raises(Unreachable):
            connect(server.host, command="echo hi")
        assert [len(keys) for keys in server.tried] == [1] * tries
    assert not server.seen.key_exchange


def test_login_that_is_refused_is_tried_once(place: Callable[..., Place]) -> None:
    """Also where the server ends the connection at the requests behind it."""
    server = place("")
    server.refused.append(public(server.key))
    with pytest.raises(LoginError):
        connect(server.host, command="echo hi")
    assert [len(keys) for keys in server.tried] == [1]


def test_key_that_was_refused_is_not_offered_to_the_server_again(place: Callable[..., Place], tmp_path: Path,
                                                                 home: Path) -> None:
    server = place("drops the login")
    wrong = keygen(tmp_path / "wrong")
    server.refused.append(public(wrong))
    (home / ".ssh/config").write_text(f"IdentityFile {wrong}\nIdentityFile {server.key}\n")
    host = Host(name="web1", root="/srv", address="127.0.0.1", port=server.port, user="u",
                known_hosts=str(server.known))
    connect(host, command="echo hi").sever()
    assert server.tried == [[public(wrong), public(server.key)], [public(server.key)]]


def test_login_does_not_wait_for_a_connection_that_ends_while_its_session_is_requested(
        place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> None:
    """At that moment paramiko's thread fails before it tells who waits."""
    server = place("drops the login")
    set_transport: Any = Channel._set_transport  # type: ignore[attr-defined]

    def set_late(channel: Channel, transport: Transport) -> None:
        if not transport.server_mode and len(server.tried) == 1:
            transport.join(5)
        set_transport(channel, transport)

    monkeypatch.setattr(Channel, "_set_transport", set_late)
    connect(replace(server.host, connect_timeout=2)).sever()
    assert len(server.tried) == 2


def test_who_waits_for_a_session_hears_that_another_thread_has_ended_the_connection(place: Callable[..., Place]
                                                                                    ) -> None:
    server = place("never answers a request for a session")
    remember(server.name, Server(takes_early=False))
    connection = connect(replace(server.host, connect_timeout=600))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connection.transport.opens_session)
        assert server.asked.wait(60)
        connection.sever()
        assert waiting.result(60) is False


@pytest.mark.promise(6)
@pytest.mark.parametrize("offence", ["drops the login", "refuses the session"])
def test_server_with_another_host_key_at_the_second_try_is_refused(place: Callable[..., Place], tmp_path: Path,
                                                                   offence: str) -> None:
    server = place(offence)
    server.host_keys.append(keygen(tmp_path / "other"))
    with pytest.raises(HostKeyError):
        connect(server.host, command="echo hi")


@pytest.mark.usefixtures("real_hosts")
def test_server_that_has_had_enough_of_our_keys_is_left_alone(tmp_path: Path) -> None:
    """OpenSSH ends the connection then, as others do at a request that they do not take."""
    with Sshd(tmp_path, options=["MaxAuthTries 1"]) as server:
        settings = server.host_settings(identity_file=str(keygen(tmp_path / "unknown")))
        with pytest.raises((Unreachable, LoginError)):
            connect(Host(**settings), command="echo hi")
    assert server.log.count("Connection from") == 1
