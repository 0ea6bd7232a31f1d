from __future__ import annotations

import queue
import shutil
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from paramiko import ChannelException, Ed25519Key, PKey, ServerInterface, Transport
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from tasks._errors import Bug, NotReady, Unreachable
from tasks.executor.protocol import LINE_LIMIT
from tasks.inventory.model import Host
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import HostConnection
from tasks.remote.lines import Lines, LineTooLong
from tasks.remote.session import Program, Session, open_session
from tasks.rollout.peers import connection_errors
from tasks.rollout.peers.peer import Peer
from tests.support.proxy import Proxy
from tests.support.sshd import Sshd, keygen, public

Open = Callable[..., HostConnection]
BEGAN = '{"interpreter": ""}'               # what the program on the host says first


class Talk:
    """A session whose messages can be waited for."""

    def __init__(self, connection: HostConnection, command: str, program: Program = lambda interpreter: b"",
                 beat: float | None = None) -> None:
        self.messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.session: Session = open_session(connection, command, program, self.messages.put, beat)

    def next(self) -> dict[str, Any] | None:
        return self.messages.get(timeout=30)

    def rest(self) -> list[dict[str, Any]]:
        return list(iter(self.next, None))


def test_session_carries_messages_both_ways(sshd: Sshd, open_to: Open) -> None:
    talk = Talk(open_to(sshd), "cat", lambda interpreter: b'{"program": 1}\n')
    assert talk.next() == {"program": 1}
    talk.session.send({"ü": "\n\x00 €"})
    assert talk.next() == {"ü": "\n\x00 €"}
    talk.session.close()
    assert talk.next() is None


def test_session_tells_when_its_program_has_left(sshd: Sshd, open_to: Open) -> None:
    made, sent = threading.Event(), threading.Event()

    def make(interpreter: str) -> bytes:
        made.wait(60)
        return b""

    open_session(open_to(sshd), "cat", make, print, sent=sent.set)
    assert not sent.is_set()
    made.set()
    assert sent.wait(60)


def test_session_writes_everything_before_it_closes(sshd: Sshd, open_to: Open) -> None:
    file = sshd.folder / "got"
    talk = Talk(open_to(sshd), f"cat > {file}.tmp; mv {file}.tmp {file}")
    for number in range(100):
        talk.session.send({"n": number})
    talk.session.close(grace=30)
    deadline = time.monotonic() + 30
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert file.read_text().count("\n") == 100


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_session_carries_long_lines(sshd: Sshd, open_to: Open, size: int) -> None:
    talk = Talk(open_to(sshd), "cat")
    talk.session.send({"x": "y" * size})
    message = talk.next()
    assert message is not None and len(message["x"]) == size


def test_session_keeps_exit_status_and_complaint_at_the_end(sshd: Sshd, open_to: Open) -> None:
    talk = Talk(open_to(sshd), "echo '{\"a\": 1}'; echo oops >&2; exit 7")
    assert talk.rest() == [{"a": 1}]
    assert talk.session.exit_status == 7
    assert not talk.session.lost
    assert "oops" in talk.session.complaint
    talk.session.send({"nobody": "listens"})


def test_session_skips_and_keeps_banners(sshd: Sshd, open_to: Open) -> None:
    talk = Talk(open_to(sshd), "seq -f 'Welcome %.0f' 50; echo '[1]'; echo '{\"a\": 1}'; echo '{'")
    assert talk.rest() == [{"a": 1}]
    assert "Welcome 50" in talk.session.complaint and "Welcome 1\n" not in talk.session.complaint


def test_session_is_not_blocked_by_much_stderr(sshd: Sshd, open_to: Open) -> None:
    talk = Talk(open_to(sshd), "head -c 5000000 /dev/zero | tr '\\0' x >&2; echo last >&2; echo '{\"a\": 1}'")
    assert talk.rest() == [{"a": 1}]
    assert talk.session.complaint.endswith("last")
    assert len(talk.session.complaint) <= 4096


def test_session_of_a_killed_command_has_no_exit_code(sshd: Sshd, open_to: Open) -> None:
    talk = Talk(open_to(sshd), "kill -9 $$")
    assert talk.rest() == []
    assert talk.session.exit_status == -1
    assert not talk.session.lost


def test_session_is_lost_when_no_channel_opens(sshd: Sshd, open_to: Open) -> None:
    connection = open_to(sshd)
    connection.close()
    talk = Talk(connection, "cat")
    assert talk.rest() == []
    assert talk.session.lost
    assert "opens no channel" in talk.session.complaint and "Timeout" not in talk.session.complaint
    talk.session.close()


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("command", ["cat", ""])
def test_session_is_lost_when_the_server_lets_in_and_opens_none(tmp_path: Any, command: str) -> None:
    """What is asked for with the login is refused behind it, in one go with the end of the connection."""
    with Sshd(tmp_path, options=["MaxSessions 0"]) as server:
        talk = Talk(connect(Host(**server.host_settings()), command=command), "cat")
        assert talk.rest() == []
        assert talk.session.lost
        assert talk.session.complaint == "the host opens no channel: Connect failed"
        peer = Peer(Host(name="web1", root="/srv"), [])
        peer.session = talk.session
        error = connection_errors.lost(peer)
    assert isinstance(error, NotReady) and "MaxSessions 0" in error.hint


@pytest.mark.usefixtures("real_hosts")
def test_server_that_runs_no_command_is_named(tmp_path: Any) -> None:
    """As one for file transfers only."""
    class Files(ServerInterface):
        def check_auth_publickey(self, username: str, key: PKey) -> int:
            return AUTH_SUCCESSFUL

        def check_channel_request(self, kind: str, chanid: int) -> int:
            return OPEN_SUCCEEDED

    key = keygen(tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {public(key)}\n")
        with ThreadPoolExecutor(1) as pool:
            connecting = pool.submit(connect, Host(
                name="web1", root="/srv", address="127.0.0.1", port=port, user="u", identity_file=str(key),
                known_hosts=str(tmp_path / "known")))
            server = Transport(listener.accept()[0])
            server.add_server_key(Ed25519Key(filename=str(key)))
            server.start_server(server=Files())
            talk = Talk(connecting.result(), "cat")
    assert talk.rest() == [] and talk.session.is_refused
    assert talk.session.complaint == "the host refuses to run a command"
    talk.session.close()
    server.close()


def test_host_that_lacks_what_a_session_takes_may_have_it_later() -> None:
    def execute(command: str) -> None:
        raise ChannelException(4, "Resource shortage")      # SSH_OPEN_RESOURCE_SHORTAGE

    connection: Any = SimpleNamespace(original_host="web1", transport=SimpleNamespace(execute=execute))
    peer = Peer(Host(name="web1", root="/srv"), [])
    talk = Talk(connection, "cat")
    assert talk.rest() == []
    peer.session = talk.session
    error = connection_errors.lost(peer)
    assert isinstance(error, Unreachable) and error.message.endswith("Resource shortage")


def test_session_ends_at_once_where_its_program_cannot_be_made(sshd: Sshd, open_to: Open) -> None:
    def broken(interpreter: str) -> bytes:
        raise OSError("no such module")

    talk = Talk(open_to(sshd), "cat", broken)
    assert talk.rest() == []
    assert talk.session.trace.endswith("OSError: no such module\n")
    peer = Peer(Host(name="web1", root="/srv"), [])
    peer.session = talk.session
    error = connection_errors.lost(peer)
    assert isinstance(error, Bug) and error.message == "web1: a bug: OSError: no such module"


def test_session_sends_heartbeats(sshd: Sshd, open_to: Open) -> None:
    talk = Talk(open_to(sshd), f"echo '{BEGAN}'; cat", beat=0.01)
    assert talk.next() == talk.next() == {"do": "beat"}
    heard = talk.session.last_heard
    talk.next()
    assert heard <= talk.session.last_heard <= time.monotonic()


def through(proxy: Proxy, sshd: Sshd) -> HostConnection:
    file = sshd.folder / "kh_proxy"
    file.write_text(f"[{proxy.host}]:{proxy.port} {public(sshd.host_keys[0])}\n")
    return connect(Host(**sshd.host_settings(port=proxy.port, known_hosts=str(file))))


def test_session_send_does_not_block_on_a_frozen_link(sshd: Sshd) -> None:
    with Proxy(sshd.host, sshd.port) as proxy:
        talk = Talk(through(proxy, sshd), f"echo '{BEGAN}'; cat", beat=30)
        talk.session.send({"a": 1})
        assert talk.next() == {"a": 1}
        proxy.freeze()
        heard = talk.session.last_heard
        for _ in range(20):
            talk.session.send({"x": "y" * 1_000_000})       # more than any buffer on the way takes
        started = time.monotonic()
        talk.session.close()
        assert time.monotonic() - started < 5
        assert talk.rest() == []
        assert talk.session.last_heard == heard
        talk.session.send({"after": "the end"})


def test_session_is_lost_when_its_link_is_cut(sshd: Sshd) -> None:
    with Proxy(sshd.host, sshd.port) as proxy:
        talk = Talk(through(proxy, sshd), "cat")
        talk.session.send({"a": 1})
        assert talk.next() == {"a": 1}
        proxy.cut()
        assert talk.rest() == []
        assert talk.session.lost
        assert talk.session.exit_status is None
        talk.session.close()


def test_session_waits_one_round_trip_on_a_slow_link(sshd: Sshd) -> None:
    with Proxy(sshd.host, sshd.port, delay=0.05) as proxy:
        talk = Talk(through(proxy, sshd), "cat")
        started = time.monotonic()
        talk.session.send({"a": 1})
        assert talk.next() == {"a": 1}
        assert time.monotonic() - started >= 0.1
        talk.session.close()


@pytest.mark.rows(2)
@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "fish", "tcsh"])
def test_session_works_in_every_login_shell(tmp_path: Any, open_to: Open, shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell}")
    with Sshd(tmp_path, shell=path) as server:
        talk = Talk(open_to(server), "exec cat")
        talk.session.send({"a": 1})
        assert talk.next() == {"a": 1}
        talk.session.close()


class TestLines:
    def test_lines_are_decoded_in_any_pieces(self) -> None:
        lines = Lines()
        data = '{"a": "é"}\n\n{"b": 2}\nnoise\n{"c"'.encode()
        found = [message for byte in data for message in lines.feed(bytes([byte]))]
        assert found == [{"a": "é"}, {"b": 2}]
        assert list(lines.finish()) == []
        assert list(lines.noise) == ["noise", '{"c"']

    def test_last_line_without_its_end_is_decoded(self) -> None:
        lines = Lines()
        assert list(lines.feed(b'{"a": 1}')) == []
        assert list(lines.finish()) == [{"a": 1}]

    def test_line_beyond_the_limit_is_refused(self) -> None:
        lines = Lines()
        with pytest.raises(LineTooLong):
            for _ in range(LINE_LIMIT // 2**20 + 2):
                list(lines.feed(b"x" * 2**20))


def test_session_takes_no_message_of_a_login_shell_for_the_programs(sshd: Sshd, open_to: Open) -> None:
    """A profile that prints our very words, before the interpreter names itself."""
    noise = '{"event": "committed", "now": {}}'
    talk = Talk(open_to(sshd), f"echo '{noise}'; echo '{{\"interpreter\": \"\"}}'; echo '{{\"event\": \"end\"}}'")
    assert talk.rest() == [{"event": "end"}]
    assert noise in talk.session.complaint


@pytest.mark.rows(1)
@pytest.mark.parametrize("login", ["yes Welcome", "echo Welcome; exec fish", "echo Welcome; exec cat"])
def test_login_that_goes_on_without_the_program_is_named(sshd: Sshd, open_to: Open, login: str) -> None:
    """What it says is no sign of life. A fish that `exec fish` in ~/.bashrc started waits for the end of its input."""
    talk = Talk(open_to(sshd), login)
    before = talk.session.last_heard
    while "Welcome" not in talk.session.complaint:
        time.sleep(0.01)
    peer = Peer(Host(name="web1", root="/srv", lease=20), [])
    peer.session = talk.session
    talk.session.close()
    error = connection_errors.silent(peer)
    assert isinstance(error, Unreachable)
    assert error.message.startswith("web1: python3 did not begin within 20 s: Welcome")
    assert talk.session.last_heard == before


def test_login_that_prints_many_lines_first_is_heard_out(sshd: Sshd, open_to: Open) -> None:
    lines = f"yes {'x' * 1023} | head -c {LINE_LIMIT + 1024}"
    talk = Talk(open_to(sshd), f"{lines}; echo '{BEGAN}'; echo '{{\"event\": \"end\"}}'")
    assert talk.rest() == [{"event": "end"}]
    assert len(talk.session.complaint) < 20_000


@pytest.mark.parametrize("began", [False, True])
def test_login_that_prints_a_line_without_an_end_is_named(sshd: Sshd, open_to: Open, began: bool) -> None:
    talk = Talk(open_to(sshd), (f"echo '{BEGAN}'; " if began else "") + "tr '\\0' x </dev/zero")
    assert talk.rest() == []
    peer = Peer(Host(name="web1", root="/r"), [])
    peer.session = talk.session
    error = connection_errors.lost(peer)
    where = "the connection was lost: {}" if began else "its login prints {} before python3 begins"
    assert error.message == "web1: " + where.format(f"a line of more than {LINE_LIMIT} bytes")
    assert isinstance(error, Unreachable if began else NotReady)


def test_session_hears_an_interpreter_that_is_too_old_to_name_itself(sshd: Sshd, open_to: Open) -> None:
    talk = Talk(open_to(sshd), "echo '{\"event\": \"unusable\", \"why\": \"old\"}'")
    assert talk.rest() == [{"event": "unusable", "why": "old"}]
