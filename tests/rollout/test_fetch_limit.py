"""No more than ten hosts fetch at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tasks import _errors as errors
from tasks.rollout import protocol
from tasks.rollout.events import Output, StepFinished
from tasks.rollout.peers.fetch_limit import FetchLimit
from tasks.rollout.peers.peer import Peer
from tasks.rollout.peers.peer_events import Lost, PeerEvent
from tests.rollout.samples import peer


def fetching(services: str = "a") -> Any:
    parts = {name: {"record": {}, "tidy": None, "steps": [{"name": "fetch"}, {"name": "build"}]} for name in services}
    return {"do": "plan", "services": parts, "phases": ["prepare"]}


def fetched(service: str = "a") -> PeerEvent:
    return StepFinished(host="web1", service=service, step="fetch", ok=True, changed=True, seconds=1)


def hear(limit: FetchLimit, host: Peer, event: PeerEvent) -> None:
    host.apply(event)
    limit.note(host, event)


FAILED = protocol.Failed(kind="failed", message="no", hint="look", step="fetch")
LOST = Lost(errors.Unreachable("web1: gone", "try again"))


@pytest.mark.parametrize("over", [fetched(), FAILED, LOST, protocol.Done(phase="prepare")],
                         ids=["fetched", "failed", "lost", "done"])
def test_no_more_than_ten_hosts_fetch_at_a_time(over: PeerEvent) -> None:
    limit, hosts = FetchLimit(), [peer(f"web{number:02}") for number in range(35)]
    for host in hosts:
        limit.enter(host, fetching())
    done: list[Peer] = []
    while len(done) < 35:
        inside = [host for host in hosts if host.has_plan and host not in done]
        assert len(inside) == min(10, 35 - len(done))
        hear(limit, inside[-1], Output(host="web1", service="a", step="fetch", line="x"))
        hear(limit, inside[-1], over)
        done.append(inside[-1])


def test_host_leaves_the_fetch_limit_when_all_its_services_are_fetched() -> None:
    limit, first, second = FetchLimit(1), peer("web1"), peer("web2")
    limit.enter(first, fetching("ab"))
    limit.enter(second, fetching())
    hear(limit, first, fetched("a"))
    assert not second.has_plan
    hear(limit, first, fetched("b"))
    assert second.has_plan


def test_no_host_fetches_after_the_limit_is_shut() -> None:
    limit, first, second = FetchLimit(1), peer("web1"), peer("web2")
    limit.enter(first, fetching())
    limit.enter(second, fetching())
    limit.shut()
    hear(limit, first, fetched())
    assert not second.has_plan


def test_host_that_fetches_nothing_waits_for_nobody() -> None:
    limit, first, second = FetchLimit(1), peer("web1"), peer("web2")
    limit.enter(first, fetching())
    limit.enter(second, {"do": "plan", "services": {"a": {"record": {}, "tidy": None, "steps": []}}, "phases": []})
    assert second.has_plan


def test_host_that_waits_for_its_plan_is_told_of_phases_with_it() -> None:
    limit, first, second = FetchLimit(1), peer("web1"), peer("web2")
    sent: list[Any] = []
    second.send = sent.append  # type: ignore[method-assign,assignment]
    limit.enter(first, fetching())
    limit.enter(second, fetching())
    second.run("prepare")
    assert sent == []
    hear(limit, first, fetched())
    second.run("prepare")
    second.run("activate")
    assert [(message["do"], message["phases"]) for message in sent] == [("plan", ["prepare"]), ("run", ["activate"])]
