"""How often a deploy to one host waits for the wire: docs/speed.md draws it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tasks.inventory.model import Host
from tasks.remote.connection import known_servers
from tasks.remote.connection.connection import connect
from tasks.remote.connection.known_servers import Server
from tests.integration.app import App
from tests.integration.conftest import routed
from tests.support.half_duplex import HalfDuplex
from tests.support.lab import wait_for


def test_deploy_of_a_known_far_host_takes_five_round_trips_once_it_is_connected(
        app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fact shows that the client has sent all that the host needs for it, before it heard anything new."""
    app.alone()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    begun = app.gate / "begun"
    python = app.gate / "python"
    python.write_text(f'#!/bin/sh\n: > {begun}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    sshd = app.lab["web1"].sshd
    proxy = HalfDuplex(sshd.host, sshd.port, from_start=True)
    trips: dict[str, Callable[[], object]] = {
        "the versions, and the key exchange": proxy.key_exchange.is_set,
        "the login, the session and Python": begun.exists,
        "the executor and the settings": lambda: app.holder_alive("web1"),
        "the plan, with all its phases": lambda: app.program("web1")["statename"] == "RUNNING",
        "the commit": lambda: app.results("web1") == ["committed"],
    }
    with closing(connect(Host(**sshd.host_settings()))) as near:
        server = Server(near.transport.key_exchange)
    known_servers.remember(f"[{proxy.host}]:{proxy.port} {proxy.host}:{proxy.port} ", server)
    with proxy, routed(app, proxy, python=str(python), lease=600):
        client = app.start("deploy", app.name)
        for trip, has_come in trips.items():
            wait_for(has_come, trip)
            proxy.answer()
        assert client.end().code == 0
