"""The client's half of a deploy, against hosts that only note what they are sent."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tasks import _errors as errors
from tasks.deploy import recipe
from tasks.inventory.model import Service
from tasks.rollout.conversation import Stop
from tasks.rollout.coordinator import Coordinator
from tasks.rollout.fleet import Fleet
from tasks.rollout.goal import Deployment
from tasks.rollout.recipe import supervised
from tasks.rollout.steps import Plan
from tests.rollout.samples import GOAL, HOOKED, HOST, SERVICE, TARGET, A, B, facts

DEPLOYMENT = Deployment(deploy="d", command="deploy", by="ann", since="now", environment="test",
                        services={"monitor": "main"})


@pytest.mark.parametrize(("service", "steps"), [
    (SERVICE, ["prepare", "activate"]), (HOOKED, ["prepare", "before", "activate", "after"]),
    (None, ["activate"])], ids=["no hooks", "hooks", "restart"])
@pytest.mark.parametrize("hosts", [1, 2])
def test_phases_of_a_lone_host_are_sent_in_advance(service: Service | None, steps: list[str], hosts: int) -> None:
    """The others one after the other; a phase without steps is none."""
    targets = tuple(replace(TARGET, host=replace(HOST, name=f"web{number}")) for number in range(hosts))
    coordinator = Coordinator(DEPLOYMENT, Fleet(targets, "rollout"), Silent(), lambda targets, facts, goals: {})
    heard: list[Any] = []
    for peer in coordinator.peers:
        made = recipe(service, facts(), GOAL) if service else supervised.restart_steps(SERVICE, facts())
        peer.plans = {"monitor": Plan(was=A, tried=B, steps=tuple(made))}
        peer.send = lambda message, name=peer.name: heard.append(  # type: ignore[method-assign,misc]
            (name, message.get("phases", message["do"])))
    coordinator.conversation.await_phase = lambda phase, peers: heard.append(phase)  # type: ignore[method-assign]
    coordinator._run_and_commit()
    if hosts == 1:
        assert heard == [("web0", steps), *steps, ("web0", "commit")]
    else:
        assert heard == [each for phase in steps for each in (("web0", [phase]), ("web1", [phase]), phase)] + [
            ("web0", "commit"), ("web1", "commit")]


class Silent:
    gone = False

    def on(self, event: Any) -> None: ...

    def close(self) -> None: ...


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
