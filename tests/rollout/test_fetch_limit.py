"""No more than ten hosts fetch at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.rollout.fetch_limit import FetchLimit


class Fetcher:
    def __init__(self, number: int) -> None:
        self.name, self.planned, self.told = f"web{number:02}", False, 0

    def send(self, message: Any) -> None:
        self.told += 1


def fetching(services: str = "a") -> dict[str, Any]:
    return {"do": "plan", "services": {name: {"steps": [{"name": "fetch"}, {"name": "build"}]} for name in services}}


def fetched(service: str = "a") -> dict[str, Any]:
    return {"event": "step_finished", "step": "fetch", "service": service}


@pytest.mark.parametrize("over", [fetched(), {"event": "failed"}, {"event": "gone"}, {"event": "done"}])
def test_no_more_than_ten_hosts_fetch_at_a_time(over: dict[str, Any]) -> None:
    gate, peers = FetchLimit(), [Fetcher(number) for number in range(35)]
    for one in peers:
        gate.enter(one, fetching())                 # type: ignore[arg-type]
    done: list[Fetcher] = []
    while len(done) < 35:
        inside = [one for one in peers if one.told and one not in done]
        assert len(inside) == min(10, 35 - len(done))
        assert all(one.planned == bool(one.told) for one in peers)
        gate.hear(inside[-1], {"event": "output", "service": "a"})  # type: ignore[arg-type]
        gate.hear(inside[-1], over)                 # type: ignore[arg-type]
        done.append(inside[-1])
    assert [one.told for one in peers] == [1] * 35


def test_host_leaves_the_fetch_limit_when_all_its_services_are_fetched() -> None:
    gate, first, second = FetchLimit(1), Fetcher(1), Fetcher(2)
    gate.enter(first, fetching("ab"))               # type: ignore[arg-type]
    gate.enter(second, fetching())                  # type: ignore[arg-type]
    gate.hear(first, fetched("a"))                  # type: ignore[arg-type]
    assert second.told == 0
    gate.hear(first, fetched("b"))                  # type: ignore[arg-type]
    assert second.told == 1


def test_no_host_fetches_after_the_limit_is_shut() -> None:
    gate, first, second = FetchLimit(1), Fetcher(1), Fetcher(2)
    gate.enter(first, fetching())                   # type: ignore[arg-type]
    gate.enter(second, fetching())                  # type: ignore[arg-type]
    gate.shut()
    gate.hear(first, fetched())                     # type: ignore[arg-type]
    assert (second.told, second.planned) == (0, False)
