"""The client's half of a deploy, against hosts that only note what they are sent."""

from __future__ import annotations

import pytest

from tasks import _errors as errors
from tasks.rollout.goal import Deployment
from tasks.rollout.peers.conversation import Stop
from tasks.rollout.peers.fleet import Fleet
from tasks.rollout.steps import Plan
from tasks.rollout.transaction.coordinator import Coordinator
from tests.rollout.samples import TARGET, A, B, Silent, facts

DEPLOYMENT = Deployment(deploy="d", command="deploy", by="ann", since="now", environment="test",
                        services={"monitor": "main"})


def test_changed_plan_is_refused_after_the_confirmation() -> None:
    """No host has a plan then, so each is reported as refused, not as unchanged."""
    coordinator = Coordinator(DEPLOYMENT, Fleet((TARGET,), "rollout"), Silent(),
                              lambda targets, facts, goals: {("web1", "monitor"): Plan(was=A, tried=B)})
    (peer,) = coordinator.peers
    peer.facts = {"monitor": facts()}
    coordinator._confirmed = {("web1", "monitor"): ("another plan",)}
    with pytest.raises(Stop) as caught:
        coordinator._plan()
    assert isinstance(caught.value.error, errors.TryAgain)
    finished = coordinator._finished(caught.value.error)
    assert (finished.exit_code, finished.hosts["web1"]["monitor"].outcome) == (75, "refused")
