"""No command waits for ever for a host that accepts connections and says nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.integration.app import App


@pytest.fixture
def mute(shared: App) -> Iterator[App]:
    """A server that nobody reads from has taken the place of web2's sshd."""
    with (socket.create_server(("127.0.0.1", 0)) as server,
          shared.with_settings(web2={"port": server.getsockname()[1], "connect_timeout": 2})):
        yield shared


@pytest.mark.seconds(8)
def test_host_that_accepts_and_says_nothing_is_unreachable(mute: App) -> None:
    """All commands at once, but for those that need the lock of the other host."""
    name = mute.name
    reading = [mute.start(*words) for words in (
        ["status"], ["logs", name], ["logs", name, "--deploy", "last"], ["history", name], ["plan", name])]
    runs = [client.end(90) for client in reading] + [mute.fab("recover", name), mute.fab("deploy", name)]
    for run in runs:
        assert (run.code, run.outcome("web2", name)) == (75, "unreachable"), run
