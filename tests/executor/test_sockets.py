"""Programs on whose sockets supervisord listens: real supervisord, real connections."""

from __future__ import annotations

import http.client
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.inventory.model import Health
from tests.executor.driver import Deploy, Example
from tests.support.lab import wait_for
from tests.support.services import changed

# Answers each request with its version. One that HANGS never takes a connection, one that CRASHES ends at once.
SERVER = """\
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: globals().update(ending=True))
version, ending = sys.argv[1], False
if "CRASHES" in version:
    sys.exit(3)
listening = socket.socket(fileno=0)
listening.settimeout(0.02)
while not ending:
    if "HANGS" in version:
        time.sleep(0.02)
        continue
    try:
        link, _ = listening.accept()
    except OSError:
        continue
    link.settimeout(1)
    try:
        if link.recv(65536):
            link.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + version.encode() + b" " + str(os.getpid()).encode())
    except OSError:
        pass
    link.close()
"""


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


class Served:
    """An example behind a socket; `ask` is what a client gets."""

    def __init__(self, example: Example, address: str, **fields: Any) -> None:
        self.example = example
        self.address = address
        self.service = changed(example.service, socket=address, **{
            "numprocs": 2, "program": {"startsecs": "0", "stopwaitsecs": "5"},
            "health": Health(http=self.url, timeout=20), **fields})

    @property
    def url(self) -> str:
        return self.address.replace("tcp://", "http://").replace("unix://", "http+unix://") + "/"

    def write(self, version: str) -> str:
        source = f"exec {sys.executable} -I -S server.py {version}\n"
        return self.example.write(source, **{"server.py": SERVER})

    def ask(self) -> str:
        if self.address.startswith("tcp://"):
            link = socket.create_connection(("127.0.0.1", int(self.address.rpartition(":")[2])), timeout=5)
        else:
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(5)
            link.connect(self.address.removeprefix("unix://"))
        with link:
            link.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = http.client.HTTPResponse(link)
            answer.begin()
            return answer.read().decode()

    def pids(self) -> dict[str, int]:
        return {info["name"].removeprefix(self.example.name): info["pid"]
                for info in self.example.host.rpc.getAllProcessInfo()
                if info["group"] == self.example.name and info["statename"] == "RUNNING"}


class Clients:
    """Asks again and again, as two clients do; `failed` has what went wrong."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.answers: list[str] = []
        self.failed: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(2)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.005):
            try:
                self.answers.append(self.served.ask().partition(" ")[0])
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))


@pytest.fixture(params=["tcp", "unix"])
def served(request: pytest.FixtureRequest, example: Example, folder: Path) -> Iterator[Served]:
    """One after the other for both kinds of sockets: deployed in version 1."""
    address = f"tcp://127.0.0.1:{free_port()}" if request.param == "tcp" else f"unix://{folder}/{example.name}.sock"
    made = Served(example, address)
    made.write("v1")
    example.committed(made.service)
    yield made


def restored(deploy: Deploy) -> str:
    """Returns why."""
    deploy.look().plan().done("prepare").run("activate")
    why = str(deploy.executor.until("failed")["message"])
    assert deploy.ending()["event"] == "restored", deploy.executor.heard[-5:]
    deploy.executor.rest()
    return why


def test_processes_that_share_a_socket_restart_without_a_failed_request(served: Served) -> None:
    before = served.pids()
    with Clients(served) as clients:
        served.write("v2")
        served.example.committed(served.service)
        wait_for(lambda: "v2" in clients.answers, "the new version")
    assert clients.failed == [] and served.ask().startswith("v2")
    after = served.pids()
    assert after.keys() == before.keys() == {"_00", "_01"} and not set(after.values()) & set(before.values())


@pytest.mark.promise(3)
@pytest.mark.parametrize("bad", ["vHANGS", "vCRASHES"])
def test_bad_version_is_seen_at_the_first_process_while_the_other_serves(served: Served, bad: str) -> None:
    before = served.pids()
    with Clients(served) as clients:
        served.write(bad)
        impatient = changed(served.service, health=Health(http=served.url, timeout=1.5))
        with served.example.deploy(impatient) as deploy:
            why = restored(deploy)
    assert "_00" in why, why
    assert clients.failed == [] and set(clients.answers) == {"v1"}
    after = served.pids()
    assert after["_01"] == before["_01"] and after.keys() == before.keys()
