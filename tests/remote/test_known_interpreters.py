"""Far hosts get compiled code where their interpreter took it the last time: whatever it is now."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.remote.connection.host_connection import HostConnection
from tasks.remote.paramiko_private import key_exchange
from tasks.remote.sent_executor import bootstrap
from tasks.remote.sent_executor.bootstrap import ANY, OURS, packed
from tests.remote.test_session import Talk
from tests.support.pythons import interpreters
from tests.support.sshd import Sshd

# Says which kind of program it is; then it says what it hears.
MODULE = """\
def run(names, pieces):
    import json
    print(json.dumps({"runs": next(pieces)}))
    for line in sys.stdin.buffer:
        print(line.decode(), end="")
"""
LIKE_OURS = interpreters().get(sys.version_info[:2], sys.executable)
OTHERS = [path for version, path in interpreters().items() if version != sys.version_info[:2]]


def program(kind: str) -> bytes:
    """As bootstrap.Program; the code for an interpreter like ours does not run on any other."""
    loader = compile(MODULE, "loader", "exec") if kind == OURS else MODULE
    return packed({"loader": loader, "kind": kind}, OURS if kind == OURS else ANY)


@pytest.fixture(autouse=True)
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setattr(key_exchange, "NEAR", 0)
    return home / "cache/fabvisor/servers"


class Host:
    """One whose Python can be changed; its path stays the same."""

    def __init__(self, folder: Path, open_to: Callable[..., HostConnection], sshd: Sshd) -> None:
        self.python = folder / "python-of-the-host"
        self.connect = lambda: open_to(sshd)
        self.asked: list[str] = []

    def install(self, python: str) -> None:
        self.python.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
        self.python.chmod(0o755)

    def runs(self) -> str:
        """The kind of the program that ran. It heard each message once, those that were sent before it began, too."""
        talk = Talk(self.connect(), bootstrap.command(str(self.python)), self._program)
        talk.session.send({"first": 1})
        talk.session.send({"second": 2})
        kind = (talk.next() or {})["runs"]["kind"]
        assert [talk.next(), talk.next()] == [{"first": 1}, {"second": 2}]
        talk.session.send({"third": 3})
        assert talk.next() == {"third": 3}
        talk.session.close()
        assert talk.rest() == [] and talk.session.complaint == ""
        return str(kind)

    def _program(self, kind: str) -> bytes:
        self.asked.append(kind)
        return program(kind)


@pytest.fixture
def host(tmp_path: Path, open_to: Callable[..., HostConnection], sshd: Sshd) -> Host:
    return Host(tmp_path, open_to, sshd)


@pytest.mark.parametrize("python", dict.fromkeys([sys.executable, LIKE_OURS]))
def test_far_host_whose_interpreter_took_compiled_code_gets_it_at_once(host: Host, python: str) -> None:
    """Also from another build of the same version."""
    host.install(python)
    assert [host.runs(), host.runs()] == ["", OURS]
    assert host.asked == ["", OURS]


@pytest.mark.rows(2)
@pytest.mark.parametrize("other", OTHERS)
def test_far_host_whose_interpreter_has_changed_gets_sources_in_the_same_session(host: Host, other: str) -> None:
    host.install(sys.executable)
    host.runs()
    host.install(other)
    assert host.runs() not in ("", OURS)
    assert host.runs() == ""
    assert host.asked[1] == OURS and len(host.asked) == 4
    host.install(sys.executable)
    assert [host.runs(), host.runs()] == ["", OURS]


@pytest.mark.parametrize("broken", [b"", b"\xff", b"{}\n", b"\0" * 100_000])
def test_far_host_of_whom_nothing_can_be_read_gets_sources(host: Host, cache: Path, broken: bytes) -> None:
    host.install(sys.executable)
    host.runs()
    assert cache.exists()
    cache.write_bytes(broken)
    assert [host.runs(), host.runs()] == ["", OURS]


def test_interpreters_of_one_host_are_remembered_each(tmp_path: Path, host: Host) -> None:
    host.install(sys.executable)
    host.runs()
    host.python = tmp_path / "another"
    host.install(OTHERS[0] if OTHERS else sys.executable)
    assert host.runs() == ""
