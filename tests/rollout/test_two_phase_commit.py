"""Who is told what, and when: against hosts that only note what they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tasks import _errors as errors
from tasks.deploy import recipe
from tasks.inventory.model import Service
from tasks.inventory.serial import AT_ONCE, Serial
from tasks.rollout import events
from tasks.rollout.peers.conversation import Conversation, Stop
from tasks.rollout.peers.fleet import Fleet
from tasks.rollout.plan import batches
from tasks.rollout.recipe import supervised
from tasks.rollout.steps import Plan
from tasks.rollout.transaction.two_phase_commit import TwoPhaseCommit
from tests.rollout.samples import GOAL, HOOKED, HOST, SERVICE, TARGET, A, B, facts


class Rollout:
    """A commit whose hosts obey; `fails` does not finish `activate`. `heard`: what was sent and waited for."""

    def __init__(self, hosts: int, serial: Serial = AT_ONCE, service: Service | None = SERVICE, fails: str = "",
                 pause: float = 0) -> None:
        fleet = Fleet(tuple(replace(TARGET, host=replace(HOST, name=f"web{number}")) for number in range(hosts)),
                      "rollout")
        self.heard: list[Any] = []
        self.conversation = Conversation(fleet, self)
        self.commit = TwoPhaseCommit(self.conversation, "d", Path())
        made = recipe(service, facts(), GOAL) if service else supervised.restart_steps(SERVICE, facts())
        plans = {(peer.name, "monitor"): Plan(was=A, tried=B, steps=tuple(made)) for peer in fleet.peers}
        self.batches = batches.of_plans(plans, serial, pause)
        plans = batches.in_batches(plans, self.batches)
        for peer in fleet.peers:
            peer.plans = {"monitor": plans[peer.name, "monitor"]}
            peer.send = lambda message, name=peer.name: self.heard.append(  # type: ignore[method-assign,misc]
                (name, message.get("phases", message["do"])))

        def await_phase(phase: str, peers: list[Any]) -> None:
            self.heard.append(phase)
            if phase == "activate" and fails in [peer.name for peer in peers]:
                raise Stop(errors.Failed("it failed", "look"))

        self.conversation.await_phase = await_phase     # type: ignore[method-assign]
        self.conversation.wait_undone = lambda peers: None      # type: ignore[method-assign]
        self.conversation.wait_over = lambda peers: self.heard.append(      # type: ignore[method-assign]
            [peer.name for peer in peers])

    gone = False

    def on(self, event: Any) -> None:
        self.heard.append(event)

    def close(self) -> None: ...

    def run(self) -> list[Any]:
        self.commit.run(self.batches)
        return self.heard


@pytest.mark.parametrize(("service", "phases"), [
    (SERVICE, ["prepare", "activate"]), (HOOKED, ["prepare", "before", "activate", "after"]),
    (None, ["activate"])], ids=["no hooks", "hooks", "restart"])
@pytest.mark.parametrize("hosts", [1, 2])
def test_phases_of_a_lone_host_are_sent_in_advance(service: Service | None, phases: list[str], hosts: int) -> None:
    """The others one after the other; a phase without steps is none."""
    heard = Rollout(hosts, service=service).run()
    if hosts == 1:
        assert heard == [("web0", phases), *phases, ("web0", "commit")]
    else:
        assert heard[:2] == [(name, phases[:1] if service else []) for name in ("web0", "web1")]
        ran = [each for phase in phases for each in (("web0", [phase]), ("web1", [phase]), phase)]
        assert heard[0 if service else 2:] == [*ran, ("web0", "commit"), ("web1", "commit")]


@pytest.mark.promise(10)
def test_batch_is_activated_when_the_one_before_is_well_and_hooks_run_on_all_hosts() -> None:
    rollout = Rollout(3, (1, "100%"), HOOKED, pause=9)
    one, two = rollout.batches
    assert rollout.run()[4:] == [
        ("web0", ["before"]), ("web1", ["before"]), ("web2", ["before"]), "before",
        one, ("web0", ["activate"]), "activate", ("web0", ["recheck"]), "recheck",
        two, ("web1", ["activate"]), ("web2", ["activate"]), "activate",
        ("web0", ["after"]), ("web1", ["after"]), ("web2", ["after"]), "after",
        ("web0", "commit"), ("web1", "commit"), ("web2", "commit")]


@pytest.mark.promise(10)
@pytest.mark.parametrize(("fails", "back", "unreached"), [
    ("web0", [["web1", "web2", "web3", "web0"]], ["web1", "web2", "web3"]),
    ("web2", [["web3", "web1", "web2"], ["web0"]], ["web3"]),
    ("web3", [["web3"], ["web1", "web2"], ["web0"]], [])])
def test_hosts_go_back_batch_by_batch_and_those_never_reached_at_once(
        fails: str, back: list[list[str]], unreached: list[str]) -> None:
    rollout = Rollout(4, (1, 2), fails=fails)
    with pytest.raises(Stop) as caught:
        rollout.run()
    rollout.heard.clear()
    rollout.commit.abort(caught.value.error)
    assert rollout.heard == [each for group in back for each in (*((name, "abort") for name in group), group)] + [[]]
    assert [peer.name for peer in rollout.commit.peers if not peer.is_reached] == unreached


def test_host_is_not_unreached_where_no_batch_has_begun() -> None:
    """A build failed: all hosts have the same outcome."""
    rollout = Rollout(2, (1,))
    rollout.commit._give_plans(rollout.commit.peers)
    rollout.commit.abort(errors.Failed("the build failed", "look"))
    assert all(peer.is_reached for peer in rollout.commit.peers)
    assert rollout.heard[-2] == ["web0", "web1"], "all at once"


@pytest.mark.promise(10)
def test_restart_of_a_later_batch_is_not_told_in_advance() -> None:
    heard = Rollout(2, (1,), service=None).run()
    assert [each for each in heard if not isinstance(each, events.Batch)] == [
        ("web0", []), ("web1", []), ("web0", ["activate"]), "activate", ("web1", ["activate"]), "activate",
        ("web0", "commit"), ("web1", "commit")]


def test_one_batch_is_not_announced() -> None:
    assert not [heard for heard in Rollout(2).run() if isinstance(heard, events.Batch)]


def test_interruption_says_that_hosts_go_back_only_where_one_has_a_plan() -> None:
    words = []
    for begins in (False, True):
        rollout = Rollout(hosts=2)
        if begins:
            rollout.commit.run(rollout.batches)
        rollout.heard.clear()
        rollout.commit.abort(errors.Interrupted(15))
        words += [event.message for event in rollout.heard if isinstance(event, events.Notice)]
    assert words == ["interrupted; interrupt again to leave without waiting",
                     "interrupted: the hosts go back; interrupt again to leave without waiting"]
