"""The dial of the first host, before what connects is imported."""

from __future__ import annotations

import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks._errors import Mistake, Unreachable
from tasks.inventory.model import Host
from tasks.remote.configuration.ssh_config import Settings, effective
from tasks.remote.connection import dial
from tasks.remote.early_dial import EarlyDial


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        yield listener


def host_at(listener: socket.socket, **more: str) -> Host:
    return Host(**{"name": "web1", "root": "/srv", "address": "127.0.0.1", "port": listener.getsockname()[1],
                   "user": "u", **more})


def test_connection_takes_the_early_dial_once(home: Path, listener: socket.socket) -> None:
    early, host = EarlyDial(), host_at(listener)
    early.begin(host)
    links = [listener.accept()[0]]
    settings = effective(host, early.ask)
    with early.dial("web1", settings, 60) as first:
        assert first.getsockname() == links[0].getpeername()
    with early.dial("web1", settings, 60) as second:
        links.append(listener.accept()[0])
        assert second.getsockname() == links[1].getpeername()
    for link in links:
        link.close()


def test_early_dial_that_fails_fails_for_the_connection(home: Path, listener: socket.socket) -> None:
    early, host = EarlyDial(), host_at(listener)
    port = listener.getsockname()[1]
    listener.close()
    early.begin(host)
    with pytest.raises(Unreachable) as refused:
        early.dial("another label", effective(host, early.ask), 60)
    assert refused.value.message == f"web1 (127.0.0.1:{port}): 127.0.0.1:{port} refused the connection: nothing " \
                                    "listens there"


@pytest.mark.parametrize("more", [{"gateway": "jump"}, {"name": "-oProxyCommand=true"}], ids=" ".join)
def test_host_behind_a_gateway_or_with_a_wrong_name_is_not_dialled_early(
        home: Path, listener: socket.socket, more: dict[str, str]) -> None:
    early = EarlyDial()
    early.begin(host_at(listener, **more))
    assert early._answer.get(timeout=60) is None


def test_connection_does_not_wait_for_an_early_dial_that_met_something_else(
        home: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(label: str, settings: Settings, seconds: float) -> socket.socket:
        raise RuntimeError("can't start new thread")        # to look a name up

    monkeypatch.setattr(dial, "directly", no_thread)
    early = EarlyDial()
    early.begin(host_at(listener))
    assert early._answer.get(timeout=5) is None


def test_user_without_a_home_folder_is_told_so(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    with pytest.raises(Mistake, match="HOME is not set"):
        effective(host_at(listener), EarlyDial().ask)
