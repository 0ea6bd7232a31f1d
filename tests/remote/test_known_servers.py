"""What is remembered of servers: the file, and what connections make of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks._errors import HostKeyError
from tasks.inventory.model import Host
from tasks.remote.connection import known_servers
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import HostConnection
from tasks.remote.connection.known_servers import UNKNOWN, Server, recall, remember
from tasks.remote.paramiko_private import key_exchange
from tasks.remote.paramiko_private.client_transport import ClientTransport
from tests.support.half_duplex import FIRST_OF_KEYS, HalfDuplex, has_sent
from tests.support.lab import wait_for
from tests.support.largest_file import largest_file
from tests.support.proxy import Proxy
from tests.support.sshd import Sshd, keygen, public

SEEN = Server("curve25519-sha256")


@pytest.fixture
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    return home / "cache/fabvisor/servers"


class TestFile:
    def test_newest_of_a_server_counts(self, cache: Path) -> None:
        assert recall("web1") == UNKNOWN
        remember("web1", Server("ecdh-sha2-nistp256"))
        remember("web2", Server("mlkem768x25519-sha256"))
        remember("web1", SEEN)
        assert (recall("web1"), recall("web2")) == (SEEN, Server("mlkem768x25519-sha256"))
        assert b"web" not in cache.read_bytes()
        assert stat.S_IMODE(cache.stat().st_mode) == 0o600

    def test_what_was_seen_long_ago_does_not_count(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        remember("web1", SEEN)
        monkeypatch.setattr(known_servers, "LASTS", 0)
        assert recall("web1") == UNKNOWN

    @pytest.mark.parametrize("make", [
        lambda path: path.mkdir(parents=True),
        lambda path: path.parent.parent.write_text("no folder"),
        lambda path: [path.parent.mkdir(parents=True), path.symlink_to(path)],
        lambda path: [path.parent.mkdir(parents=True), os.mkfifo(path)],
        lambda path: [path.parent.mkdir(parents=True), path.symlink_to("/dev/full")],
    ], ids=["a folder", "no folder", "a circle", "a pipe", "a full disk"])
    def test_file_that_cannot_be_used_is_no_file(self, cache: Path, make: Callable[[Path], object]) -> None:
        make(cache)
        remember("web1", SEEN)
        assert recall("web1") == UNKNOWN

    @pytest.mark.parametrize("change", [
        lambda line: line[:-1], lambda line: line[:40], lambda line: line.replace(b"curve", b"\xff"),
        lambda line: line.replace(b'"curve25519-sha256"', b"7"), lambda line: line[:25] + b"[" * 100_000,
        lambda line: line.replace(b'"since":', b'"since":99'),
        lambda line: line.replace(b'"since":', b'"since":1e999,"x":')])
    def test_broken_line_is_no_line(self, cache: Path, change: Callable[[bytes], bytes]) -> None:
        remember("web1", SEEN)
        cache.write_bytes(change(cache.read_bytes().strip()))
        assert recall("web1") == UNKNOWN
        remember("web1", SEEN)
        assert recall("web1") == SEEN

    def test_file_stays_small_and_keeps_the_newest(self, cache: Path) -> None:
        for number in range(2000):
            remember(f"web{number}", SEEN)
        assert cache.stat().st_size <= known_servers.LIMIT + 1000
        assert [recall(f"web{number}") for number in (0, 1900, 1999)] == [UNKNOWN, SEEN, SEEN]
        assert [path.name for path in cache.parent.iterdir()] == [cache.name]

    def test_full_disk_leaves_nothing_behind(self, cache: Path) -> None:
        remember("web1", SEEN)
        with cache.open("ab") as file:
            file.write(b"\n" * known_servers.LIMIT)
        with largest_file(100):
            remember("web1", SEEN)
        assert [path.name for path in cache.parent.iterdir()] == [cache.name]
        remember("web1", SEEN)
        assert stat.S_IMODE(cache.stat().st_mode) == 0o600

    def test_many_write_at_the_same_time(self, cache: Path) -> None:
        names = [f"web{number}" for number in range(200)]
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda name: remember(name, SEEN), names))
        assert {recall(name) for name in names} == {SEEN}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key exchanges that were begun before the server said which ones it has."""
    names: list[str] = []
    guess = ClientTransport.guess

    def noted(transport: ClientTransport, key_exchange: str) -> None:
        names.append(key_exchange)
        guess(transport, key_exchange)

    monkeypatch.setattr(ClientTransport, "guess", noted)
    return names


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """All servers are."""
    monkeypatch.setattr(key_exchange, "NEAR", 0)


def name_of(server: Sshd | Proxy) -> str:
    return f"[{server.host}]:{server.port} {server.host}:{server.port} "


def by_way_of(proxy: Proxy, sshd: Sshd) -> Host:
    file = sshd.folder / "kh_proxy"
    file.write_text(f"[{proxy.host}]:{proxy.port} {public(sshd.host_keys[0])}\n")
    return Host(**sshd.host_settings(port=proxy.port, known_hosts=str(file)))


@pytest.mark.usefixtures("cache")
class TestKeyExchange:
    @pytest.mark.rows(2)
    @pytest.mark.usefixtures("real_hosts", "far")
    @pytest.mark.parametrize("kind", ["curve25519-sha256", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256",
                                      "diffie-hellman-group-exchange-sha256"])
    def test_known_server_gets_its_key_exchange_before_it_says_a_word(self, tmp_path: Path, kind: str) -> None:
        with Sshd(tmp_path, options=[f"KexAlgorithms {kind}"]) as server:
            connect(Host(**server.host_settings())).sever()
            assert recall(name_of(server)) == Server(kind)
            with HalfDuplex(server.host, server.port, from_start=True) as proxy, ThreadPoolExecutor(1) as pool:
                remember(name_of(proxy), Server(kind))
                connecting = pool.submit(connect, by_way_of(proxy, server))
                wait_for(proxy.key_exchange.is_set, "the first message of the key exchange")
                wait_for(lambda: proxy.answer() or connecting.done(), "the connection")
                connecting.result().sever()

    @pytest.mark.rows(2)
    @pytest.mark.usefixtures("real_hosts", "far")
    @pytest.mark.parametrize(("known", "agreed"), [
        ("curve25519-sha256", "ecdh-sha2-nistp256"), ("ecdh-sha2-nistp256", "curve25519-sha256"),
        ("curve25519-sha256", "diffie-hellman-group-exchange-sha256"),
        ("diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256")])
    def test_server_that_agrees_on_another_key_exchange_is_dialled_once_more(
            self, tmp_path: Path, open_to: Callable[..., HostConnection], begun: list[str], known: str, agreed: str
            ) -> None:
        with Sshd(tmp_path, options=[f"KexAlgorithms {agreed}"]) as server:
            remember(name_of(server), Server(known))
            for _ in range(2):
                connection = open_to(server)
                connection.transport.renegotiate_keys()         # which is nobody's guess
                assert connection.run("echo hi", hide=True, in_stream=False).stdout == "hi\n"
                assert recall(name_of(server)) == Server(agreed)
        assert begun == [known, agreed]

    @pytest.mark.promise(6)
    @pytest.mark.usefixtures("far")
    @pytest.mark.parametrize("known", ["curve25519-sha256", "ecdh-sha2-nistp256"])
    def test_known_server_with_another_host_key_is_refused(self, sshd: Sshd, tmp_path: Path, known: str) -> None:
        """Whether the guess is right or wrong."""
        remember(name_of(sshd), Server(known))
        settings = sshd.host_settings()
        (tmp_path / "changed").write_text(f"{sshd.name} {public(keygen(tmp_path / 'other'))}\n")
        with pytest.raises(HostKeyError):
            connect(Host(**{**settings, "known_hosts": str(tmp_path / "changed")}))

    @pytest.mark.usefixtures("far")
    def test_server_that_ends_the_connection_at_a_guess_is_dialled_once_more(self, sshd: Sshd, begun: list[str]
                                                                             ) -> None:
        class Offended(Proxy):
            plain = b""
            is_offended = False

            def of_client(self, data: bytes) -> None:
                self.plain += data
                if not self.is_offended and has_sent(FIRST_OF_KEYS, self.plain):
                    self.is_offended = True
                    self.cut()

        proxy = Offended(sshd.host, sshd.port)
        with proxy:
            remember(name_of(proxy), SEEN)
            connect(by_way_of(proxy, sshd)).sever()
            assert proxy.is_offended and begun == [SEEN.key_exchange]

    def test_server_that_is_near_is_not_remembered(self, sshd: Sshd, cache: Path, monkeypatch: pytest.MonkeyPatch
                                                   ) -> None:
        monkeypatch.setattr(key_exchange, "NEAR", 60)
        connect(Host(**sshd.host_settings())).sever()
        assert not cache.exists()
        remember(name_of(sshd), SEEN)
        connect(Host(**sshd.host_settings())).sever()
        assert recall(name_of(sshd)) == UNKNOWN

    @pytest.mark.usefixtures("far")
    def test_gateway_is_known_by_itself_and_the_host_behind_it_by_the_way_there(
            self, sshd: Sshd, begun: list[str], home: Path) -> None:
        """Behind another gateway the same address may be another machine."""
        (home / ".ssh/known_hosts").write_text(sshd.known_hosts_line)
        (home / ".ssh/config").write_text(f"Host door gate\nHostName {sshd.host}\nPort {sshd.port}\nUser {sshd.user}\n")
        counts = []
        for gateway in ("door", "door", "gate"):
            begun.clear()
            connect(Host(**sshd.host_settings(gateway=gateway))).sever()
            counts.append(len(begun))
        assert counts == [0, 2, 1]
