"""Programs on whose sockets supervisord listens: real supervisord, real connections."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.layout import Layout
from tasks.executor.network import sockets
from tasks.inventory.model import Health
from tests.executor.driver import UNHEALTHY, Deploy, Example
from tests.support.lab import wait_for
from tests.support.load import Load, ask
from tests.support.services import changed
from tests.support.sshd import free_port

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
        return ask(self.address)

    def pids(self) -> dict[str, int]:
        return {info["name"].removeprefix(self.example.name): info["pid"]
                for info in self.example.host.rpc.getAllProcessInfo()
                if info["group"] == self.example.name and info["statename"] == "RUNNING"}


@pytest.fixture(params=["tcp", "unix"])
def served(request: pytest.FixtureRequest, example: Example, folder: Path) -> Iterator[Served]:
    """One after the other for both kinds of sockets: deployed in version 1."""
    address = f"tcp://127.0.0.9:{free_port()}" if request.param == "tcp" else f"unix://{folder}/{example.name}.sock"
    made = Served(example, address)
    made.write("v1")
    example.committed(made.service)
    yield made


def versions(load: Load) -> set[str]:
    return {body.partition(" ")[0] for body in load.bodies}


@pytest.mark.rows(1)
def test_processes_that_share_a_socket_restart_without_a_failed_request(served: Served) -> None:
    before = served.pids()
    with Load({"h": served.address}) as load:
        served.write("v2")
        served.example.committed(served.service)
        wait_for(lambda: "v2" in versions(load), "the new version")
    assert load.failed == [] and served.ask().startswith("v2")
    after = served.pids()
    assert after.keys() == before.keys() == {"_00", "_01"} and not set(after.values()) & set(before.values())


@pytest.mark.promise(3)
@pytest.mark.parametrize(("served", "bad"), [
    ("tcp", "vHANGS"), ("unix", "vCRASHES"), ("unix", "vHANGS")], indirect=["served"])
@pytest.mark.rows(1)
def test_bad_version_is_seen_at_the_first_process_while_the_other_serves(served: Served, bad: str) -> None:
    before = served.pids()
    with Load({"h": served.address}) as load:
        served.write(bad)
        impatient = changed(served.service, health=Health(http=served.url, timeout=1.5))
        with served.example.deploy(impatient) as deploy:
            why = deploy.prepare().run("activate").restored()
    assert "_00" in why, why
    assert load.failed == [] and versions(load) == {"v1"}
    after = served.pids()
    assert after["_01"] == before["_01"] and after.keys() == before.keys()


@pytest.mark.long
def test_changed_option_of_a_socket_replaces_the_group_and_comes_back(example: Example, folder: Path) -> None:
    """supervisord itself takes two sockets of one path for the same."""
    path = folder / f"{example.name}.sock"
    served = Served(example, f"unix://{path}")
    served.write("v1")
    example.committed(served.service)
    open_to_group = {"startsecs": "0", "stopwaitsecs": "5", "socket_mode": "0770"}
    with example.deploy(changed(served.service, program=open_to_group, health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate").restored()
    assert path.stat().st_mode & 0o777 == 0o700
    example.committed(changed(served.service, program=open_to_group))
    assert path.stat().st_mode & 0o777 == 0o770 and served.ask().startswith("v1")


def test_file_of_a_socket_goes_with_the_socket(example: Example, folder: Path) -> None:
    path = folder / f"{example.name}.sock"
    served = Served(example, f"unix://{path}")
    served.write("v1")
    example.committed(served.service)
    assert path.is_socket()
    example.committed(changed(served.service, socket=None, health=None, command="sleep 100000"))
    assert not path.exists()


@pytest.mark.long
@pytest.mark.promise(3)
@pytest.mark.parametrize("has_version_before", [True, False])
def test_file_of_a_socket_that_only_a_failed_version_had_is_removed(example: Example, folder: Path,
                                                                   has_version_before: bool) -> None:
    path = folder / f"{example.name}.sock"
    served = Served(example, f"unix://{path}")
    served.write("v1")
    if has_version_before:
        example.committed(example.with_(command="sleep 100000"))
    with example.deploy(changed(served.service, health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate")
        assert deploy.executor.until("failed")["step"] == "health"
        deploy.restored()
    assert not path.exists() and example.host.leftovers() == []


def test_file_of_a_socket_that_lives_and_other_files_are_not_removed(folder: Path) -> None:
    """Somebody may listen there by now."""
    path = folder / "a.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        sockets.remove_closed(str(path))
        assert path.is_socket()
    sockets.remove_closed(str(path))
    assert not path.exists()
    path.write_text("of a person")
    sockets.remove_closed(str(path))
    assert path.exists()


@pytest.mark.long
def test_program_that_listened_by_itself_gives_its_port_to_supervisord_and_gets_it_back(example: Example) -> None:
    port = free_port()
    listens = f"import socket, time\ns = socket.create_server(('127.0.0.1', {port}))\ntime.sleep(1000)\n"
    example.write(f"exec {sys.executable} -I -S listens.py\n", **{"listens.py": listens})
    plain = example.with_(health=Health(tcp=f"127.0.0.1:{port}", timeout=20))
    example.committed(plain)
    served = Served(example, f"tcp://127.0.0.1:{port}")
    served.write("vCRASHES")
    with example.deploy(served.service) as deploy:
        deploy.prepare().run("activate").restored()
    served.write("v2")
    example.committed(served.service)
    assert served.ask().startswith("v2")
    with example.deploy(served.service) as deploy:
        deploy.hello("doctor", asked={example.name: [port]})
        (found,) = [each for each in deploy.executor.rest() if each.get("check") == "ports"]
    assert found["outcome"] == "ok", f"supervisord holds it for us: {found}"


def refused(deploy: Deploy) -> str:
    deploy.hello()
    return str(deploy.executor.until("not_ready")["problems"][0]["message"])


@pytest.mark.promise(9)
def test_socket_that_another_process_holds_is_refused_with_its_pid(example: Example, folder: Path) -> None:
    example.write()
    path = folder / "held.sock"
    with socket.create_server(("127.0.0.1", 0)) as held, socket.socket(socket.AF_UNIX) as held_path:
        held_path.bind(str(path))
        held_path.listen()
        port = held.getsockname()[1]
        for address, words in ((f"tcp://127.0.0.1:{port}", f"port {port} of {example.name} is held by"),
                               (f"unix://{path}", f"the socket {path} of {example.name} is held by")):
            with example.deploy(Served(example, address).service) as deploy:
                why = refused(deploy)
            assert words in why and f"(pid {os.getpid()})" in why
    assert not example.directory.exists()
    path.unlink()


@pytest.mark.promise(9)
@pytest.mark.parametrize(("address", "words"), [
    ("unix:///nowhere/web.sock", "the folder /nowhere of the socket of"),
    ("unix:///etc/passwd", "/etc/passwd, the socket of")])
def test_path_where_no_socket_can_be_is_refused(example: Example, address: str, words: str) -> None:
    example.write()
    with example.deploy(Served(example, address).service) as deploy:
        assert words in refused(deploy)


@pytest.mark.promise(9)
@pytest.mark.parametrize(("port", "uid", "expected"), [
    (80, 1000, "shall listen on port 80, which only root's supervisord may"), (80, 0, ""), (1024, 1000, "")])
def test_low_port_needs_the_supervisord_of_root(layout: Layout, port: int, uid: int, expected: str) -> None:
    class Daemon:
        def uid(self) -> int:
            return uid

        def processes(self, group: str) -> list[dict[str, Any]]:
            return []

    service = {"name": "a", "programs": [{"group": "a", "socket": f"tcp://127.0.0.9:{port}"}]}
    daemon: Any = Daemon()
    assert [expected in problem.message for problem in sockets.problems(layout, service, daemon)] == (
        [True] if expected else [])
