"""The servers of docs/services.md, which take a socket from supervisord: deployed while clients ask."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.app import App
from tests.integration.conftest import MakeApp
from tests.support.load import Load, ask
from tests.support.sshd import free_port

NODE = """\
const http = require("http"), fs = require("fs");
const revision = fs.readFileSync("revision", "utf8");
const server = http.createServer((request, response) => response.end(revision));
if (revision.includes("hangs")) { setInterval(() => {}, 1000); } else { server.listen({fd: 0}); }
process.on("SIGTERM", () => server.close(() => process.exit(0)));
"""
GO = """\
package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	revision, _ := os.ReadFile("revision")
	listener, err := net.FileListener(os.Stdin)
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(revision)
	})}
	term, ended := make(chan os.Signal, 1), make(chan bool)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		server.Shutdown(context.Background())
		close(ended)
	}()
	server.Serve(listener)
	<-ended
}
"""
WSGI = """\
revision = open("revision", "rb").read()


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", str(len(revision)))])
    return [revision]
"""
ASGI = """\
revision = open("revision", "rb").read()


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": revision})
"""
VENV = "test -d .venv || { python3 -m venv .venv && .venv/bin/pip install --quiet %s; }"
REVISION = "git rev-parse HEAD > revision"
SERVERS = {
    "node": ("node server.js", [REVISION], {"server.js": NODE}),
    "go": ("./api", ["go build -o api .", REVISION],
           {"main.go": GO, "go.mod": "module api\n\ngo 1.18\n"}),
    "gunicorn": (".venv/bin/gunicorn -b fd://0 shop:app", [VENV % "gunicorn", REVISION], {"shop.py": WSGI}),
    "uvicorn": (".venv/bin/uvicorn --fd 0 shop:app", [VENV % "uvicorn", REVISION], {"shop.py": ASGI}),
}
IGNORED = {".gitignore": ".venv\nrevision\napi\n__pycache__\n"}


def served(make_app: MakeApp, server: str, **fields: Any) -> tuple[App, dict[str, str]]:
    """Deployed to one host in its first version; and its address."""
    command, build, files = SERVERS[server]
    app = make_app(**{
        "command": command, "build": build, "socket": "tcp://127.0.0.1:${PORT}", "numprocs": 2,
        "program": {"startsecs": 0, "stopwaitsecs": 20},
        "health": {"http": "http://127.0.0.1:${PORT}/", "body": "${REVISION}", "timeout": 60}, **fields})
    app.hosts = ["web1"]
    ports = {host: free_port() for host in app.hosts}
    app.settings = {host: {"variables": {"PORT": str(port)}} for host, port in ports.items()}
    app.write()
    app.commit("first", {**files, **IGNORED})
    return app.deployed(), {host: f"tcp://127.0.0.1:{port}" for host, port in ports.items()}


@pytest.mark.long
@pytest.mark.parametrize("server", SERVERS)
def test_server_that_takes_a_socket_is_deployed_without_a_failed_request(make_app: MakeApp, server: str) -> None:
    app, addresses = served(make_app, server)
    first = app.commits()[0]
    with Load(addresses) as load:
        second = app.commit("second")
        assert app.deploy().code == 0
        assert {ask(address).strip() for address in addresses.values()} == {second}
        assert app.fab("rollback", app.name).code == 0
    assert load.failed == []
    assert {body.strip() for body in load.bodies} == {first, second}
    assert {ask(address).strip() for address in addresses.values()} == {first}


@pytest.mark.long
def test_gunicorn_takes_a_version_by_hup_and_a_bad_one_is_undone(make_app: MakeApp) -> None:
    app, addresses = served(make_app, "gunicorn", numprocs=1, reload="HUP")
    pids = [app.program(host)["pid"] for host in app.hosts]
    with Load(addresses) as load:
        second = app.commit("second")
        assert app.deploy().code == 0
    assert load.failed == [] and [app.program(host)["pid"] for host in app.hosts] == pids
    app.commit("bad", {"shop.py": "raise SystemExit('cannot start')\n"})
    assert app.deploy().code == 1
    assert {ask(address).strip() for address in addresses.values()} == {second}
    assert app.program("web1")["pid"] != pids[0]
    app.commit("third", {"shop.py": WSGI})
    app.write(variables={"COLOR": "blue"})
    plan = app.fab("plan", app.name)
    (words,) = {words for event in plan.of("plan") for words in event["restarts"]}
    assert "requests wait until it is up" in words
    before = app.program("web1")["pid"]
    assert app.deploy().code == 0 and app.program("web1")["pid"] != before
