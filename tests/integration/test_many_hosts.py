"""More hosts than may fetch at a time."""

from __future__ import annotations

import pytest

from tasks.rollout.peers import fetch_limit
from tests.support.crowd import SERVICE, Crowd


@pytest.mark.long
@pytest.mark.usefixtures("real_hosts")
@pytest.mark.promise(1)
def test_host_that_waits_for_its_turn_to_fetch_is_deployed_and_restarted_like_the_others() -> None:
    with Crowd(fetch_limit.AT_ONCE + 1) as crowd:
        for words in (["deploy", SERVICE], ["restart", SERVICE]):
            run = crowd.lab.fab(*words, format="json")
            assert run.code == 0, run.err
            assert {host[SERVICE]["outcome"] for host in run.finished["hosts"].values()} == {"committed"}
