"""A port of ours that another process holds, as a user meets it."""

from __future__ import annotations

import os
import socket

import pytest

from tests.integration.app import App
from tests.integration.conftest import MakeApp
from tests.support.sshd import free_port


def refusal(app: App, command: str) -> str:
    run = app.fab(command, app.name, format="plain")
    assert run.code == 2, run
    return " ".join((run.out + run.err).split())


@pytest.mark.promise(9)
def test_held_port_ends_deploy_and_plan_with_2_and_force_lets_it_through(make_app: MakeApp) -> None:
    app = make_app().alone()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        app.write(variables={"PORT": str(port)})
        for text in (refusal(app, "deploy"), refusal(app, "plan")):
            assert f"port {port} of {app.name} is held by" in text and f"(pid {os.getpid()})" in text
            assert f"ss -ltnp 'sport = :{port}'" in text and "deploy it with --force" in text
        assert not app.lab["web1"].directory(app.name).exists(), "nothing was fetched"
        app.deployed("--force")
        app.commit("app-2")
        app.deployed()                          # it runs without the port: it does not listen there
        app.write(variables={}, health={"tcp": f"127.0.0.1:{port}"})
        doctor = app.fab("doctor")
    (found,) = [event for event in doctor.of("check") if event["check"] == "ports"]
    assert (found["outcome"], f"port {port}, which the health check of {app.name}" in found["message"]) == (
        "warning", True), "a proxy may answer there"


@pytest.mark.promise(9)
def test_socket_that_a_stranger_holds_keeps_nobody_from_stopping_or_removing_the_service(make_app: MakeApp) -> None:
    port = free_port()
    app = make_app(socket=f"tcp://127.0.0.1:{port}").alone().deployed()
    app.lab["web1"].rpc.stopProcess(f"{app.name}:{app.name}")
    with socket.create_server(("127.0.0.1", port)):
        assert f"port {port} of {app.name} is held by" in refusal(app, "start")
        for command in ("stop", "remove"):
            done = app.fab(command, app.name)
            assert done.code == 0, done
