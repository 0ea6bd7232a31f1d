from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.inventory.model import Host
from tasks.remote.connection.connection import connect
from tasks.remote.connection.host_connection import HostConnection
from tests.support.sshd import Sshd


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of one's own, and nothing of the caller's SSH in the environment."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    for name in ("SSH_AUTH_SOCK", "SSH_PRIVATE_KEY", "SSH_KNOWN_HOSTS", "GITLAB_CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def pipe(home: Path) -> Path:
    """A ProxyCommand: a script that connects to a host and a port, and copies what comes and goes."""
    script = home / "pipe.py"
    script.write_text(
        "import socket, sys, threading, os\n"
        "link = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536): link.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := link.recv(65536): os.write(1, data)\n")
    return script


@pytest.fixture
def sshd(tmp_path: Path, real_hosts: None) -> Iterator[Sshd]:
    with Sshd(tmp_path) as server:
        yield server


@pytest.fixture
def open_to(request: pytest.FixtureRequest) -> Callable[..., HostConnection]:
    """connect() whose connections are ended after the test."""
    def connect_to(server: Sshd, **more: Any) -> HostConnection:
        connection = connect(Host(**server.host_settings(**more)))
        request.addfinalizer(connection.sever)
        return connection

    return connect_to
