from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import paramiko
import pytest
from msgspec.structs import replace

from tasks.embedded.sandbox import Sandbox
from tasks.remote.configuration.ssh_answers import SshAnswers
from tasks.remote.connection.connection import connect as connect_to
from tests.support.sshd import keygen


def session(client: paramiko.SSHClient) -> paramiko.Channel:
    transport = client.get_transport()
    assert transport is not None
    return transport.open_session()


def read_all(channel: paramiko.Channel) -> bytes:
    return b"".join(iter(lambda: channel.recv(1 << 16), b""))


def test_command_has_its_home_exit_code_and_two_outputs(sandbox: Sandbox, connect: Any) -> None:
    _, out, err = connect(sandbox).exec_command("echo $HOME; pwd; echo oops >&2; exit 7")
    home = str(sandbox.state / "web1" / "home")
    assert out.read().decode().split() == [home, home]
    assert err.read() == b"oops\n"
    assert out.channel.recv_exit_status() == 7


def test_command_ended_by_a_signal_has_no_exit_code(sandbox: Sandbox, connect: Any) -> None:
    _, out, _ = connect(sandbox).exec_command("kill -9 $$")
    assert out.channel.recv_exit_status() == -1


def test_command_echoes_a_megabyte(sandbox: Sandbox, connect: Any) -> None:
    data = os.urandom(1 << 20)
    channel = session(connect(sandbox))
    channel.exec_command("cat")

    def feed() -> None:
        channel.sendall(data)
        channel.shutdown_write()

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert hashlib.sha256(read_all(channel)).digest() == hashlib.sha256(data).digest()
    assert channel.recv_exit_status() == 0
    feeder.join()


def test_large_output_is_complete(sandbox: Sandbox, connect: Any) -> None:
    _, out, _ = connect(sandbox).exec_command("seq 300000")
    assert out.read().count(b"\n") == 300000


def test_command_waits_for_a_reader_that_does_not_read(sandbox: Sandbox, connect: Any, tmp_path: Path) -> None:
    """Back-pressure: the server must not swallow what nobody takes."""
    channel = session(connect(sandbox))
    channel.exec_command(f"head -c 50000000 /dev/zero; touch {tmp_path}/done")
    time.sleep(1)
    assert not (tmp_path / "done").exists()
    assert len(read_all(channel)) == 50000000


def test_lines_are_answered_without_delay(sandbox: Sandbox, connect: Any) -> None:
    channel = session(connect(sandbox))
    channel.exec_command("while read line; do echo \"got $line\"; done; echo end")
    seconds = []
    for number in range(100):
        started = time.monotonic()
        channel.sendall(f"{number}\n".encode())
        assert channel.recv(100) == f"got {number}\n".encode()
        seconds.append(time.monotonic() - started)
    # Nagle's algorithm would hold each one up for 40 ms; a busy machine holds some up.
    assert sorted(seconds)[10] < 0.02
    channel.shutdown_write()
    assert read_all(channel) == b"end\n"


def test_command_that_closes_its_input_still_answers(sandbox: Sandbox, connect: Any) -> None:
    channel = session(connect(sandbox))
    channel.exec_command("exec <&-; sleep 0.2; echo alive")
    channel.sendall(b"x" * 100000)
    assert read_all(channel) == b"alive\n"
    assert channel.recv_exit_status() == 0


def test_command_outlives_its_client_and_sees_its_input_end(sandbox: Sandbox, connect: Any, tmp_path: Path) -> None:
    client = connect(sandbox)
    channel = session(client)
    channel.exec_command(f"echo begun; cat >/dev/null; sleep 0.3; echo $? >{tmp_path}/ended")
    assert channel.recv(100) == b"begun\n"
    sock = client.get_transport().sock
    sock.shutdown(socket.SHUT_RDWR)                 # as when the client was killed: no goodbye
    deadline = time.monotonic() + 10
    while not (tmp_path / "ended").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (tmp_path / "ended").exists()


def test_signal_reaches_the_command(sandbox: Sandbox, connect: Any) -> None:
    client = connect(sandbox)
    channel = session(client)
    channel.exec_command("trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done")
    assert channel.recv(100) == b"ready\n"
    message = paramiko.Message()
    message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string("TERM")
    client.get_transport()._send_user_message(message)
    assert read_all(channel) == b"caught\n"
    assert channel.recv_exit_status() == 3


def test_unknown_client_key_is_refused(sandbox: Sandbox, connect: Any) -> None:
    stranger = paramiko.RSAKey.generate(2048)
    with pytest.raises(paramiko.AuthenticationException):
        connect(sandbox, pkey=stranger, key_filename=None)


def test_other_user_is_refused(sandbox: Sandbox, connect: Any) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        connect(sandbox, username="somebody")


def test_password_login_is_refused(sandbox: Sandbox, connect: Any) -> None:
    with pytest.raises(paramiko.SSHException):
        connect(sandbox, key_filename=None, password="secret")


def test_shell_request_is_refused(sandbox: Sandbox, connect: Any) -> None:
    channel = session(connect(sandbox))
    channel.invoke_shell()
    assert channel.recv_exit_status() == 1
    assert b"no terminal" in channel.recv_stderr(1000)


def test_host_can_be_a_gateway_to_the_other(sandbox: Sandbox, connect: Any) -> None:
    transport = connect(sandbox).get_transport()
    far = sandbox.hosts[1]
    tunnel = transport.open_channel("direct-tcpip", (far.address, far.port), ("127.0.0.1", 0))
    assert tunnel.recv(4) == b"SSH-"


def test_second_key_lets_us_in_where_the_login_service_may_be_asked_for_once(
        sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncssh closes the connection otherwise; OpenSSH's server does not mind."""
    host = sandbox.hosts[0]
    others = [keygen(tmp_path / f"other{number}") for number in range(2)]
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("".join(f"IdentityFile {key}\n" for key in (*others, host.identity_file)))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    connection = connect_to(replace(host, identity_file=None), SshAnswers())
    try:
        assert connection.run("echo in", hide=True, in_stream=False).stdout == "in\n"
    finally:
        connection.sever()
