"""Packs go to a host only as fast as it takes them, and only those that its plan has."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tasks._errors import FabvisorError
from tasks.rollout.commits.pack_sender import CHUNK, WINDOW, PackSender
from tasks.rollout.peers.peer import Peer
from tasks.rollout.protocol import PackTaken, PackWanted
from tasks.rollout.steps import Action, Plan, Step
from tests.rollout.samples import HOST, TARGET
from tests.support.lab import wait_for

REPO, COMMIT = "git@example.com:app.git", "a" * 40


class Host(Peer):
    """Notes what it is sent."""

    def __init__(self) -> None:
        super().__init__(HOST, [TARGET])
        step = Step(name="fetch", phase="prepare",
                    do=Action("receive", {"parts": [{"repo": REPO, "commit": COMMIT}]}))
        self.plans = {"app": Plan(was=None, tried=COMMIT, steps=(step,))}
        self.sent: list[Any] = []

    def send(self, message: Any) -> None:
        self.sent.append(message)


class OnePack:
    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")

    def __getitem__(self, service: str) -> OnePack:
        return self

    def pack(self, part: object, known: object) -> BinaryIO:
        return self.file


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack"
    path.write_bytes(bytes(range(256)) * (3 * WINDOW * CHUNK // 256) + b"end")
    return path


def wanted(commit: str = COMMIT) -> PackWanted:
    return PackWanted(service="app", repo=REPO, commit=commit, known=[])


def test_a_pack_waits_for_the_host_after_a_window(pack: Path) -> None:
    host, failures = Host(), []
    sender = PackSender(OnePack(pack), lambda *failure: failures.append(failure))     # type: ignore[arg-type]
    sender.note(host, wanted())
    wait_for(lambda: len(host.sent) == WINDOW, "a window")
    for taken in range(1, 2 * WINDOW + 2):
        assert len(host.sent) <= WINDOW + taken - 1
        sender.note(host, PackTaken(service="app"))
        wait_for(lambda taken=taken: len(host.sent) == min(WINDOW + taken, 3 * WINDOW + 1), "the next chunk")
    assert b"".join(base64.b64decode(one["data"]) for one in host.sent) == pack.read_bytes()
    assert [one["last"] for one in host.sent] == [False] * 3 * WINDOW + [True]
    assert not failures


def test_a_host_gets_nothing_that_its_plan_does_not_have(pack: Path) -> None:
    host, failures = Host(), []
    sender = PackSender(OnePack(pack), lambda peer, error: failures.append(error))    # type: ignore[arg-type]
    sender.note(host, wanted("b" * 40))
    (failure,) = failures
    assert isinstance(failure, FabvisorError)
    assert not host.sent


@pytest.mark.parametrize("asks_first", [False, True])
def test_a_host_cannot_take_more_than_it_was_sent(pack: Path, asks_first: bool) -> None:
    """All of a pack would wait in this machine's memory for the network."""
    host, failures = Host(), []
    sender = PackSender(OnePack(pack), lambda peer, error: failures.append(error))    # type: ignore[arg-type]
    if asks_first:
        sender.note(host, wanted())
        wait_for(lambda: len(host.sent) == WINDOW, "a window")
    for _ in range(3 * WINDOW):
        sender.note(host, PackTaken(service="app"))
    assert "does not follow the protocol: pack_taken" in failures[0].message


def test_hosts_that_share_a_pack_each_get_all_of_it(pack: Path) -> None:
    """One file is open for both, and one host takes faster than the other."""
    packs, fast, slow = OnePack(pack), Host(), Host()
    for host in (slow, fast):
        sender = PackSender(packs, lambda *failure: None)       # type: ignore[arg-type]
        sender.note(host, wanted())
        wait_for(lambda host=host: len(host.sent) == WINDOW, "a window")
        for _ in range(WINDOW):
            sender.note(host, PackTaken(service="app"))
        wait_for(lambda host=host: len(host.sent) == 2 * WINDOW, "a further window")
    assert fast.sent == slow.sent
    assert base64.b64decode(fast.sent[-1]["data"]) == pack.read_bytes()[(2 * WINDOW - 1) * CHUNK:2 * WINDOW * CHUNK]
