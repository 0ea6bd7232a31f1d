"""Far hosts get compiled code where their interpreter took it the last time: whatever it is now."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks._errors import LoginError
from tasks.inventory.model import Host as Settings
from tasks.remote import known_interpreters
from tasks.remote.connection import known_servers
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import FirstInput, HostConnection
from tasks.remote.connection.known_servers import Server
from tasks.remote.paramiko_private import key_exchange
from tasks.remote.sent_executor import bootstrap
from tasks.remote.sent_executor.bootstrap import ANY, OURS, packed
from tests.remote.test_known_servers import by_way_of
from tests.remote.test_session import Talk
from tests.support.half_duplex import HalfDuplex
from tests.support.lab import wait_for
from tests.support.pythons import interpreters
from tests.support.sshd import Sshd, keygen

# Says which kind of program it is; then it says what it hears.
MODULE = """\
def run(names, pieces):
    import json
    print(json.dumps({"runs": next(pieces)}))
    for line in sys.stdin.buffer:
        print(line.decode(), end="")
"""
LIKE_OURS = interpreters().get(sys.version_info[:2], sys.executable)
OTHERS = [path for version, path in interpreters().items() if version != sys.version_info[:2]]


def program(kind: str) -> bytes:
    """As bootstrap.Program; the code for an interpreter like ours does not run on any other."""
    loader = compile(MODULE, "loader", "exec") if kind == OURS else MODULE
    return packed({"loader": loader, "kind": kind}, OURS if kind == OURS else ANY)


@pytest.fixture(autouse=True)
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setattr(key_exchange, "NEAR", 0)
    return home / "cache/fabvisor/servers"


class Host:
    """One whose Python can be changed; its path stays the same."""

    def __init__(self, folder: Path, open_to: Callable[..., HostConnection], sshd: Sshd) -> None:
        self.python = folder / "python-of-the-host"
        self.connect = lambda: open_to(sshd)
        self.asked: list[str] = []

    def install(self, python: str) -> None:
        self.python.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
        self.python.chmod(0o755)

    def runs(self) -> str:
        """The kind of the program that ran. It heard each message once, those that were sent before it began, too."""
        talk = Talk(self.connect(), bootstrap.command(str(self.python)), self._program)
        talk.session.send({"first": 1})
        talk.session.send({"second": 2})
        kind = (talk.next() or {})["runs"]["kind"]
        assert [talk.next(), talk.next()] == [{"first": 1}, {"second": 2}]
        talk.session.send({"third": 3})
        assert talk.next() == {"third": 3}
        talk.session.close()
        assert talk.rest() == [] and talk.session.complaint == ""
        return str(kind)

    def _program(self, kind: str) -> bytes:
        self.asked.append(kind)
        return program(kind)


@pytest.fixture
def host(tmp_path: Path, open_to: Callable[..., HostConnection], sshd: Sshd) -> Host:
    return Host(tmp_path, open_to, sshd)


@pytest.mark.parametrize("python", dict.fromkeys([sys.executable, LIKE_OURS]))
def test_far_host_whose_interpreter_took_compiled_code_gets_it_at_once(host: Host, python: str) -> None:
    """Also from another build of the same version."""
    host.install(python)
    assert [host.runs(), host.runs()] == ["", OURS]
    assert host.asked == ["", OURS]


@pytest.mark.rows(2)
@pytest.mark.parametrize("other", OTHERS)
def test_far_host_whose_interpreter_has_changed_gets_sources_in_the_same_session(host: Host, other: str) -> None:
    host.install(sys.executable)
    host.runs()
    host.install(other)
    assert host.runs() not in ("", OURS)
    assert host.runs() == ""
    assert host.asked[1] == OURS and len(host.asked) == 4
    host.install(sys.executable)
    assert [host.runs(), host.runs()] == ["", OURS]


def test_host_that_is_very_far_gets_sources(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """TCP takes a round trip less for them."""
    host.install(sys.executable)
    host.runs()
    monkeypatch.setattr(known_interpreters, "COMPILED_WITHIN", 0)
    assert [host.runs(), host.runs()] == [OURS, ""]


def test_program_of_a_known_far_host_leaves_with_the_login(tmp_path: Path, sshd: Sshd) -> None:
    """It runs before the client has heard that it is let in."""
    ran = tmp_path / "ran"
    code = f"import os\nos.mkfifo({str(ran)!r})\n{MODULE}"
    start = bootstrap.command(sys.executable)
    with HalfDuplex(sshd.host, sshd.port) as proxy, ThreadPoolExecutor(1) as pool:
        known_servers.remember(f"[{proxy.host}]:{proxy.port} {proxy.host}:{proxy.port} ", Server("curve25519-sha256"))
        asked: list[str] = []

        def program(kind: str) -> bytes:
            asked.append(kind)
            return packed({"loader": code, "kind": "early"}, ANY)

        connecting = pool.submit(connect, by_way_of(proxy, sshd), command=start,
                                 first_input=lambda server: known_interpreters.first_input(server, start, program))
        wait_for(ran.exists, "the program")
        assert not connecting.done()
        wait_for(lambda: proxy.answer() or connecting.done(), "the connection")
        talk = Talk(connecting.result(), start, program)
        talk.session.send({"first": 1})
        wait_for(lambda: proxy.answer() or talk.messages.qsize() >= 2, "the messages")
        assert [talk.next(), talk.next()] == [{"runs": {"kind": "early"}}, {"first": 1}]
        talk.session.close()
    assert asked == [""]


def test_data_that_leaves_with_the_login_counts_in_the_window(tmp_path: Path, sshd: Sshd) -> None:
    """sshd ends a connection that sends a tenth more than the 2 MiB that it takes."""
    goes, first, more = tmp_path / "goes", b"x" * 300_000, b"y" * 3_000_000
    start = f"while [ ! -e {goes} ]; do sleep 0.01; done; wc -c"
    known_servers.remember(f"[{sshd.host}]:{sshd.port} {sshd.host}:{sshd.port} ", Server("curve25519-sha256"))
    connection = connect(Settings(**sshd.host_settings()), command=start,
                         first_input=lambda server: FirstInput("", first))
    channel = connection.transport.execute(start)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(channel.sendall, more)
        wait_for(lambda: channel.out_window_size == 0 or sent.done(), "the window to be full")
        goes.touch()
        sent.result(60)
    channel.shutdown_write()
    assert int(channel.recv(100)) == len(first) + len(more)
    connection.sever()


def test_program_is_still_to_be_sent_where_another_key_than_the_last_let_us_in(
        tmp_path: Path, home: Path, sshd: Sshd) -> None:
    """Only the last one has the request for a session behind it."""
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh/config").write_text(f"IdentityFile {sshd.client_key}\nIdentityFile {keygen(tmp_path / 'last')}\n")
    known_servers.remember(f"[{sshd.host}]:{sshd.port} {sshd.host}:{sshd.port} ", Server("curve25519-sha256"))
    connection = connect(Settings(**sshd.host_settings(identity_file=None)), command="cat",
                         first_input=lambda server: FirstInput("", b"first"))
    assert connection.first_input is None
    connection.sever()


def test_login_that_is_refused_says_so_whatever_was_sent_behind_it(tmp_path: Path, sshd: Sshd) -> None:
    name = f"[{sshd.host}]:{sshd.port} {sshd.host}:{sshd.port} "
    known_servers.remember(name, Server("curve25519-sha256"))
    with pytest.raises(LoginError):
        connect(Settings(**sshd.host_settings(identity_file=str(keygen(tmp_path / "unknown")))), command="true",
                first_input=lambda server: FirstInput("", b"x" * 300_000))
    assert sshd.log.count("Connection from") == 1
    assert known_servers.recall(name).takes_early


@pytest.mark.parametrize("broken", [b"", b"\xff", b"{}\n", b"\0" * 100_000])
def test_far_host_of_whom_nothing_can_be_read_gets_sources(host: Host, cache: Path, broken: bytes) -> None:
    host.install(sys.executable)
    host.runs()
    assert cache.exists()
    cache.write_bytes(broken)
    assert [host.runs(), host.runs()] == ["", OURS]


def test_interpreters_of_one_host_are_remembered_each(tmp_path: Path, host: Host) -> None:
    host.install(sys.executable)
    host.runs()
    host.python = tmp_path / "another"
    host.install(OTHERS[0] if OTHERS else sys.executable)
    assert host.runs() == ""
