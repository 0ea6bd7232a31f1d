"""Debian's haproxy in front of three hosts: `drain` and `undrain` use its admin socket, and its clients see nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.integration.app import App
from tests.support.lab import Lab, wait_for
from tests.support.load import Load
from tests.support.sshd import free_port

HOSTS = ("lb1", "lb2", "lb3")
# Answers with its version; the third one ends before it does so on lb2. It is slow to start, and drops whom it serves
# when it is told to stop: without `drain`, each restart is seen.
SERVER = """\
#!{python} -IS
import os, socket, threading, time
version = open("built", "rb").read().strip()
def answer(link):
    with link:
        link.recv(65536)
        time.sleep(0.02)
        link.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + version)
if version.endswith(b"-3") and os.environ["HOST"] == "lb2":
    raise SystemExit("unwell")
time.sleep(0.2)
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    threading.Thread(target=answer, args=server.accept()[:1], daemon=True).start()
"""
# haproxy's own health checks are off: only the hooks say which hosts get requests.
HAPROXY = """\
global
    stats socket {folder}/admin level admin
defaults
    mode http
    retries 0
    timeout connect 2s
    timeout client 10s
    timeout server 10s
listen app
    bind 127.0.0.1:{port}
{servers}
"""
# As a team would write it: `lb drain HOST` returns once no request is under way there.
LB = """\
#!{python} -IS
import socket, sys, time
def ask(command):
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect("{folder}/admin")
        admin.sendall(command.encode() + b"\\n")
        return b"".join(iter(lambda: admin.recv(65536), b"")).decode()
state, host = sys.argv[1:]
answer = ask(f"set server app/{{host}} state {{state}}").strip()
if answer:
    sys.exit(answer)
while state == "drain":
    names, *rows = (line.split(",") for line in ask("show stat app 4 -1").lstrip("# ").splitlines() if line)
    if all(row[names.index("scur")] == "0" for row in rows if row[names.index("svname")] == host):
        break
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def lab(real_hosts: None) -> Iterator[Lab]:
    with Lab(HOSTS) as made:
        yield made


@pytest.fixture
def app(lab: Lab) -> Iterator[App]:
    ports = {host: free_port() for host in HOSTS}
    made = App(lab, "balanced", settings={host: {"variables": {"PORT": str(port)}} for host, port in ports.items()},
               health={"http": "http://127.0.0.1:${PORT}/", "timeout": 60}, program={"startsecs": 0, "stopwaitsecs": 5},
               hooks={"drain": {"run": "./lb drain $HOST", "on": "client"},
                      "undrain": {"run": "./lb ready $HOST", "on": "client"}})
    lab.commit(made.name, {"run.sh": SERVER.format(python=sys.executable)})
    made.environment = {"serial": [1, "100%"]}
    made.write()
    yield made
    made.remove()


@contextmanager
def haproxy(app: App) -> Iterator[int]:
    """Yields its port."""
    port = free_port()
    servers = "".join(f"    server {host} 127.0.0.1:{settings['variables']['PORT']}\n"
                      for host, settings in app.settings.items())
    (app.gate / "haproxy.cfg").write_text(HAPROXY.format(folder=app.gate, port=port, servers=servers))
    script = app.gate / "lb"
    script.write_text(LB.format(python=sys.executable, folder=app.gate))
    script.chmod(0o755)
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "Debian's package haproxy is missing"
    with subprocess.Popen([program, "-db", "-f", str(app.gate / "haproxy.cfg")], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: listens(port), "haproxy")
            yield port
        finally:
            process.terminate()


@contextmanager
def clients(port: int) -> Iterator[Load]:
    """They have had answers when this yields."""
    with Load({"haproxy": f"tcp://127.0.0.1:{port}"}) as load:
        wait_for(lambda: len(load.answers) > 5, "answers")
        yield load


def listens(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def drains(run: Any) -> list[tuple[str, str]]:
    """The hooks in their order: host and step."""
    return [(event["host"], event["step"]) for event in run.of("step_finished") if "drain" in event["step"]]


@pytest.mark.long
@pytest.mark.seconds(10)
def test_clients_of_a_load_balancer_see_neither_a_good_nor_a_bad_deploy(app: App) -> None:
    """The bad version is well on the first host, which serves it already when the second one fails."""
    with haproxy(app) as port:
        app.deployed()
        with clients(port) as good:
            app.commit(f"{app.name}-2")
            run = app.deploy()
        assert run.code == 0, run
        assert (good.failed, good.bodies) == ([], {f"{app.name}-1", f"{app.name}-2"})
        assert drains(run) == [(host, hook) for hosts in (HOSTS[:1], HOSTS[1:]) for hook in ("drain", "undrain")
                               for host in hosts]
        with clients(port) as bad:
            app.commit(f"{app.name}-3")
            run = app.deploy()
            again = app.fab("restart", app.name, "--host", "lb3")
        assert (run.code, again.code) == (1, 0), run
        assert (bad.failed, bad.bodies) == ([], {f"{app.name}-2", f"{app.name}-3"})
        assert drains(run)[-2:] == [("lb1", "undo undrain"), ("lb1", "undo drain")]
        with clients(port) as after:
            wait_for(lambda: len(after.answers) > 30, "answers")
        assert (after.failed, after.bodies) == ([], {f"{app.name}-2"})
