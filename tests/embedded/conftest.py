"""A sandbox for a checkout that is a temporary folder: a developer's own is never touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from tasks.embedded.lifecycle import down, up
from tasks.embedded.sandbox import Sandbox
from tasks.embedded.state_dir import state_of
from tests.support import guard

Connect = Callable[..., paramiko.SSHClient]


@pytest.fixture
def checkout(tmp_path: Path, real_hosts: None) -> Iterator[Path]:
    with _checkout(tmp_path / "checkout") as folder:
        yield folder


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, real_hosts: None) -> Iterator[Path]:
    """A checkout for tests that leave its sandbox up, or in need of an `up`: whoever wants it begins with that."""
    with _checkout(tmp_path_factory.mktemp("standing") / "checkout") as folder:
        yield folder


@contextmanager
def _checkout(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    (folder / "hosts.yaml").write_text("kept: as it is\n")
    guard.watch(state_of(folder))
    try:
        yield folder
    finally:
        down(folder)
        assert not state_of(folder).exists()


@pytest.fixture(scope="module")
def sandbox(standing: Path) -> Sandbox:
    return up(standing)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Log in to the sandbox's first host; arguments override paramiko's."""
    clients: list[paramiko.SSHClient] = []

    def open_client(sandbox: Sandbox, **override: object) -> paramiko.SSHClient:
        host = sandbox.hosts[0]
        client = paramiko.SSHClient()
        clients.append(client)
        client.load_host_keys(str(host.known_hosts))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        settings = {"port": host.port, "username": host.user, "key_filename": host.identity_file,
                    "allow_agent": False, "look_for_keys": False, **override}
        client.connect(str(host.address), **settings)  # type: ignore[arg-type]
        return client

    yield open_client
    for client in clients:
        client.close()
