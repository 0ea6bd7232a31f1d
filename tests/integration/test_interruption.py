"""Promise 3, when the client goes away: signals, kill -9, a cut and a frozen network."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.integration.app import HEALTH, App
from tests.support.lab import Lab, wait_for
from tests.support.proxy import Proxy

# (the gate, the mark that it has been reached)
BUILD = ("block", "building")
CHECK = ("hold", "checking")
HANG = ("hang", "checking")
MOMENTS = [pytest.param(*HANG, id="during a health command that hangs"),
           pytest.param(*BUILD, id="during the build")]


@pytest.fixture(scope="module")
def proxy(lab: Lab) -> Iterator[Proxy]:
    """Between us and web2."""
    with Proxy(lab["web2"].sshd.host, lab["web2"].sshd.port) as made:
        known = lab.home / ".ssh/known_hosts"
        key = lab["web2"].sshd.known_hosts_line.partition(" ")[2]
        known.write_text(known.read_text() + f"[{made.host}]:{made.port} {key}")
        yield made


@pytest.fixture(scope="module")
def behind(lab: Lab, proxy: Proxy) -> Iterator[App]:
    """A service whose second host is behind the proxy."""
    app = App(lab, "far", {"web2": {"port": proxy.port, "connect_timeout": 5}}, health=HEALTH)
    yield app.deployed()
    app.remove()


@pytest.fixture
def far(behind: App) -> Iterator[App]:
    yield behind
    behind.settings["web2"].pop("lease", None)
    behind.write()
    behind.open_all()
    for host in behind.hosts:
        wait_for(lambda host=host: not behind.holder_alive(host), f"the executor of {host} to end")


@pytest.mark.promise(3)
@pytest.mark.parametrize(("gate", "mark", "number", "code"), [
    pytest.param(*BUILD, signal.SIGINT, 130, id="SIGINT during the build"),
    pytest.param(*BUILD, signal.SIGTERM, 143, id="SIGTERM during the build"),
    pytest.param(*CHECK, signal.SIGINT, 130, id="SIGINT during the health check"),
    pytest.param(*HANG, signal.SIGTERM, 143, id="SIGTERM during a health command that hangs"),
])
@pytest.mark.rows(2)
def test_signal_to_the_client_restores_every_host(far: App, gate: str, mark: str, number: signal.Signals,
                                                  code: int) -> None:
    """Ends in order: the hosts' answers are waited for, the exit code says which signal it was."""
    before, pids = far.states(), far.pids()
    client = far.begin(gate, mark, f"{far.name}-{code}")
    client.signal(number)
    run = client.end()
    assert run.code == code, run
    assert [run.outcome(host, far.name) for host in far.hosts] == ["restored"] * 2
    assert run.finished["exit_code"] == code
    assert far.states() == before
    assert (far.pids() == pids) is (mark == "building"), "only what was begun is undone"


@pytest.mark.promise(3)
def test_second_sigint_ends_the_client_while_the_hosts_go_back(far: App) -> None:
    """The way back is held up (the old version's build blocks): the client does not wait, the hosts still go."""
    before, results = far.states(), far.results("web1")
    client = far.begin(*BUILD, f"{far.name}-2")
    (far.gate / "block").write_text(f"{far.name}-2\n{far.name}-1\n")
    client.signal(signal.SIGINT)
    client.wait_event(lambda e: e["event"] == "step_started" and e["step"] == "undo build", "the way back")
    client.signal(signal.SIGINT)
    run = client.end()
    assert run.code == 130, run
    assert far.results("web1") == results, "it is not waited for"
    far.open("block")
    far.wait_restored(since=results.count("restored") + 1)
    assert far.states() == before


@pytest.mark.promise(3)
@pytest.mark.parametrize(("gate", "mark"), MOMENTS[::-1])
@pytest.mark.rows(1)
def test_hosts_go_back_by_themselves_when_the_client_is_killed(far: App, gate: str, mark: str) -> None:
    """And the processes that the steps began do not live on."""
    before, pids, done = far.states(), far.pids(), far.results("web1").count("restored")
    client = far.begin(gate, mark, f"{far.name}-2")
    client.signal(signal.SIGKILL)
    assert client.end().code == -signal.SIGKILL
    far.wait_restored(since=done + 1)
    assert far.states() == before
    assert far.lab["web1"].history(far.name)[-1]["why"] == "the connection to the client ended"
    pids += far.pids()
    wait_for(lambda: not steps_of(far) - set(pids), "the steps to end")


@pytest.mark.promise(3)
@pytest.mark.parametrize(("gate", "mark"), MOMENTS)
@pytest.mark.rows(1)
def test_host_goes_back_when_its_connection_is_cut(far: App, proxy: Proxy, gate: str, mark: str) -> None:
    """web2 alone loses its client; it tells how it ended when it is asked over a new connection."""
    before, done = far.states(), far.results("web2").count("restored")
    client = far.begin(gate, mark, f"{far.name}-cut")
    proxy.cut()
    run = client.end()
    assert run.code == 1, run
    assert [run.outcome(host, far.name) for host in far.hosts] == ["restored"] * 2
    far.wait_restored("web2", since=done + 1)
    assert far.states() == before


@pytest.mark.promise(3)
def test_host_goes_back_after_its_lease_when_the_network_freezes(far: App, proxy: Proxy) -> None:
    """Both ends stay open and nothing comes through: web2 goes back when its lease is over, before any thaw."""
    before, done = far.states(), far.results("web2").count("restored")
    far.settings["web2"]["lease"] = 4
    far.write()
    client = far.begin(*CHECK, f"{far.name}-frozen")
    proxy.freeze()
    try:
        far.wait_restored("web2", since=done + 1)
        run = client.end()
    finally:
        proxy.thaw()
    assert far.states() == before
    assert run.code == 3, run
    assert run.outcome("web1", far.name) == "restored"
    assert run.outcome("web2", far.name) == "unknown"
    assert "web2" in "".join(event.get("message", "") for event in run.events)


def steps_of(app: App) -> set[int]:
    """The processes that have the service's variables."""
    marked, found = f"GATE={app.gate}\0".encode(), set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if marked in file.read():
                    found.add(int(name))
        except OSError:
            continue
    return found
