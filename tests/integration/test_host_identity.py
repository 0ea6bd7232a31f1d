"""Promise 6: an unknown or changed host key is never accepted. And hosts that cannot be reached."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.app import App, messages
from tests.support.lab import Lab


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.promise(6)
@pytest.mark.parametrize(("key_of", "words"), [
    pytest.param(None, "unknown", id="unknown"),
    pytest.param("web1", "changed", id="changed"),
])
def test_deploy_refuses_an_unknown_or_changed_host_key(shared: App, lab: Lab, tmp_path: Path, key_of: str | None,
                                                       words: str) -> None:
    """web1's key is known, web2's is not, or is another: exit 2, and nothing is changed, on web1 neither."""
    before, pids = shared.states(), shared.pids()
    shared.commit(f"{shared.name}-2")
    known = lab["web1"].sshd.known_hosts_line
    if key_of:
        known += lab["web2"].sshd.name + " " + lab[key_of].sshd.known_hosts_line.partition(" ")[2]
    (tmp_path / ".ssh").mkdir()
    file = tmp_path / ".ssh/known_hosts"
    file.write_text(known)
    run = shared.deploy(HOME=str(tmp_path))
    assert run.code == 2, run
    assert words in messages(run) and "SHA256:" in messages(run)
    assert [run.outcome(host, shared.name) for host in shared.hosts] == ["refused"] * 2
    assert (shared.states(), shared.pids()) == (before, pids)
    assert file.read_text() == known, "it is not accepted for the next time either"


@pytest.fixture
def half(shared: App, closed_port: int) -> Iterator[App]:
    """web2 is not there."""
    with shared.with_settings(web2={"port": closed_port}):
        yield shared


def test_unreachable_host_stops_the_deploy_before_anything_changes(half: App) -> None:
    before, pids = half.states(), half.pids()
    half.commit(f"{half.name}-2")
    run = half.deploy()
    assert run.code == 75, run
    assert run.outcome("web2", half.name) == "unreachable"
    assert run.outcome("web1", half.name) == "refused"
    assert run.finished["outcome"] == "unreachable"
    assert (half.states(), half.pids()) == (before, pids)
    assert half.results("web1") == ["committed"]


def test_status_shows_an_unreachable_host_as_a_row(half: App) -> None:
    run = half.fab("status")
    assert run.code == 75, run
    rows = {e["host"]: e for e in run.events if e["event"] == "status"}
    assert rows["web1"]["state"] == "RUNNING"
    assert rows["web2"]["state"] == "unreachable"
    assert rows["web2"]["commit"] is None and "refused" in rows["web2"]["oddities"][0]
    assert half.deploy("--host", "web1").code == 0, "a filter leaves it out"
