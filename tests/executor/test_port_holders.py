"""The ports that variables PORT name: real listeners, real programs."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from msgspec.structs import replace

from tasks.executor.network import listeners
from tasks.inventory.model import Health
from tests.executor.driver import Example
from tests.support.services import changed
from tests.support.sshd import free_port

# Listens on PORT of the environment, in a child whose parent has ended: only its process group tells whose it is.
LISTENS = """\
import os, socket, time
listening = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
time.sleep(1000)
"""
ORPHANED = f"({sys.executable} -I -S listens.py &)\nexec sleep 1000\n"


@contextmanager
def listening(address: str = "127.0.0.1") -> Iterator[int]:
    """The port, while this process listens there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as made:
        made.bind((address, 0))
        made.listen()
        yield made.getsockname()[1]


def why_not(example: Example, port: int, do: str = "rollout") -> str:
    """What a deploy of the example with this PORT is refused for; empty where it is not."""
    service = example.with_(variables={"PORT": str(port)})
    with example.deploy(service) as deploy:
        deploy.hello(do)
        answer = deploy.executor.until("not_ready", "facts")
    if answer["event"] == "not_ready":
        return " ".join(problem["message"] for problem in answer["problems"])
    return " ".join(answer["services"][example.name].get("obstacles", []))


@pytest.mark.promise(9)
@pytest.mark.parametrize("do", ["rollout", "plan"])
@pytest.mark.rows(1)
def test_port_that_another_process_holds_is_refused_before_the_first_fetch(example: Example, do: str) -> None:
    example.write()
    with listening() as port:
        refusal = why_not(example, port, do=do)
        assert f"port {port} of {example.name} is held by" in refusal and f"(pid {os.getpid()})" in refusal
        with example.deploy(example.with_(variables={"PORT": str(port)})) as deploy:
            deploy.look(ports={})               # as with --force
    assert why_not(example, port, do=do) == "", "nobody holds it any more"
    assert not example.directory.exists()


@pytest.mark.parametrize(("address", "meets"), [
    ("127.0.0.1", True), ("0.0.0.0", True), ("::", True), ("::ffff:127.0.0.1", True), ("127.0.0.9", False),
    ("::1", False)])
def test_listener_on_another_address_alone_holds_no_port(address: str, meets: bool) -> None:
    with ExitStack() as stack:
        try:
            port = stack.enter_context(listening(address))
        except OSError:
            pytest.skip("this machine has no IPv6")
        assert bool(listeners.on("127.0.0.1", port)) == meets
        assert bool(listeners.stranger([], listeners.on("127.0.0.1", port))) == meets
        assert not listeners.stranger([os.getpid()], listeners.on("127.0.0.1", port))


@pytest.mark.parametrize("source", [f"exec {sys.executable} -I -S listens.py\n", ORPHANED])
@pytest.mark.rows(1)
def test_port_that_the_old_processes_of_a_program_hold_is_free_for_the_new_one(example: Example, source: str) -> None:
    port = free_port()
    example.write(source, **{"listens.py": LISTENS})
    service = example.with_(variables={"PORT": str(port)}, health=Health(tcp=f"127.0.0.1:{port}", timeout=20))
    example.committed(service)
    assert not why_not(example, port)
    leader = example.host.info(example.name)["pid"]
    try:
        assert not listeners.stranger([leader], listeners.on("127.0.0.1", port))
        assert listeners.stranger([], listeners.on("127.0.0.1", port)).startswith("python")
    finally:
        os.killpg(leader, signal.SIGKILL)


def test_program_that_runs_without_the_port_it_names_is_no_server(example: Example) -> None:
    """It connects there, or it starts a server of its own elsewhere."""
    example.write()
    with listening() as port:
        service = example.with_(variables={"PORT": str(port)})
        with example.deploy(service) as deploy:
            deploy.look(ports={}).plan().done("prepare").run("activate").done("activate")
            deploy.executor.send({"do": "commit"})
            assert deploy.ending()["event"] == "committed"
        assert not why_not(example, port)
        example.host.rpc.stopProcess(example.name)
        assert f"port {port} of" in why_not(example, port), "stopped, nobody can tell"


def test_port_that_another_service_leaves_in_this_deploy_is_free(example: Example) -> None:
    port, other = free_port(), free_port()
    example.write(f"exec {sys.executable} -I -S listens.py\n", **{"listens.py": LISTENS})
    first = example.with_(variables={"PORT": str(port)}, health=Health(tcp=f"127.0.0.1:{port}", timeout=20))
    example.committed(first)
    name = f"{example.name}b"
    second = replace(first, name=name, directory=f"micro/{name}",
                     programs=tuple(replace(program, name=name, group=name) for program in first.programs))
    moved = changed(first, variables={"PORT": str(other)})
    with example.deploy(moved, second) as deploy:
        deploy.look()
    for services in ([second], [first, second]):
        with example.deploy(*services) as deploy:
            deploy.hello()
            (problem,) = deploy.executor.until("not_ready")["problems"]
        assert f"port {port} of {name} is held by python" in problem["message"]
    example.host.rpc.stopProcess(example.name)
