"""Logins with a key that an ssh-agent holds, and does not sign with."""

from __future__ import annotations

import base64
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from paramiko import Message

from tasks._errors import Unreachable
from tasks.inventory.model import Host
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import HostConnection
from tasks.remote.paramiko_private.client_transport import ClientTransport
from tasks.remote.user_keys import agent as agent_module
from tests.remote.test_keys import agent as agent_fixture
from tests.support.sshd import Sshd, keygen, public

agent = agent_fixture
SSH_AGENT_IDENTITIES_ANSWER = b"\x0c"


def test_login_goes_on_with_the_next_key_where_the_agent_refuses_to_sign(
        sshd: Sshd, home: Path, agent: str, open_to: Callable[..., HostConnection]) -> None:
    """The agent asks a person who cannot be asked."""
    confirmed = keygen(home / "confirmed")
    sshd.authorize(confirmed)
    subprocess.run(["ssh-add", "-q", "-c", str(confirmed)], check=True, capture_output=True)
    (home / ".ssh/config").write_text(f"IdentityFile {sshd.client_key}\n")
    assert open_to(sshd, identity_file=None).is_connected


@pytest.mark.rows(1)
@pytest.mark.parametrize("is_early", [True, False])
def test_agent_that_does_not_sign_in_time_ends_the_login(sshd: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch,
                                                         is_early: bool) -> None:
    """Before the server has answered anything, and behind its first answer."""
    key = keygen(home / "touched", "rsa")
    monkeypatch.setattr(ClientTransport, "knows_rsa_hashes", lambda transport: is_early)
    sshd.authorize(key)
    key.unlink()                            # the agent alone has the private half
    monkeypatch.setattr(agent_module, "TOUCH_LIMIT", 0.2)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "silent"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "silent"))
        listener.listen()
        over = threading.Event()
        threading.Thread(target=_list_and_be_silent, args=(listener, key, over), daemon=True).start()
        with pytest.raises(Unreachable, match=r"the agent did not sign within 0\.2 s with .*touched"):
            connect(Host(**sshd.host_settings(identity_file=str(key))))
        over.set()


def _list_and_be_silent(listener: socket.socket, key: Path, over: threading.Event) -> None:
    message = Message()
    message.add_byte(SSH_AGENT_IDENTITIES_ANSWER)
    message.add_int(1)
    message.add_string(base64.b64decode(public(key).split()[1]))
    message.add_string("touched")
    answer = message.asbytes()
    link, _ = listener.accept()
    with link:
        link.recv(100)
        link.sendall(len(answer).to_bytes(4, "big") + answer)
        over.wait(60)
