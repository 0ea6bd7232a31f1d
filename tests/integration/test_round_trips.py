"""How often a deploy to one host waits for the wire: docs/speed.md draws it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.integration.app import App
from tests.integration.conftest import routed
from tests.support.half_duplex import HalfDuplex
from tests.support.lab import wait_for


def test_deploy_of_one_host_takes_four_round_trips_behind_the_key_exchange(app: App) -> None:
    """A fact on the host shows that the client has sent all that it needs for it, before it heard anything new."""
    app.alone()
    begun = app.gate / "begun"
    python = app.gate / "python"
    python.write_text(f'#!/bin/sh\n: > {begun}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    trips: dict[str, Callable[[], object]] = {
        "the login, the session and Python": begun.exists,
        "the executor and the settings": lambda: app.holder_alive("web1"),
        "the plan, with all its phases": lambda: app.program("web1")["statename"] == "RUNNING",
        "the commit": lambda: app.results("web1") == ["committed"],
    }
    sshd = app.lab["web1"].sshd
    with HalfDuplex(sshd.host, sshd.port) as proxy, routed(app, proxy, python=str(python), lease=600):
        client = app.start("deploy", app.name)
        for trip, has_come in trips.items():
            wait_for(has_come, trip)
            proxy.answer()
        assert client.end().code == 0
