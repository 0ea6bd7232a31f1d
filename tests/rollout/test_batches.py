"""Which hosts restart together, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tasks.deploy import recipe
from tasks.inventory.serial import DEFAULT, Serial
from tasks.rollout import goal
from tasks.rollout.plan import batches, planner
from tasks.rollout.steps import Plan
from tests.rollout.samples import GOAL, SERVICE, STOPPED, TARGET, A, facts, plan, process

UP, DOWN, NOTHING = plan(facts()), plan(facts(programs=STOPPED)), Plan(was=A, tried=A)


@pytest.mark.parametrize(("hosts", "serial", "sizes"), [
    (0, DEFAULT, []), (1, DEFAULT, [1]), (2, DEFAULT, [1, 1]), (5, DEFAULT, [1, 4]),
    (5, ("100%",), [5]), (5, (1,), [1, 1, 1, 1, 1]), (5, (2,), [2, 2, 1]), (5, (9,), [5]),
    (10, ("25%",), [2, 2, 2, 2, 2]), (7, ("30%",), [2, 2, 2, 1]), (3, ("10%",), [1, 1, 1]),
    (100, ("29%",), [29, 29, 29, 13]),
    (10, (1, "50%"), [1, 5, 4]), (10, (1, 2, "30%"), [1, 2, 3, 3, 1]), (3, ("100%", 1), [3])],
    ids=str)
def test_percentage_of_all_hosts_is_rounded_down_and_the_last_size_goes_on(
        hosts: int, serial: Serial, sizes: list[int]) -> None:
    """As in Ansible (`serialized_batches` of its playbook executor)."""
    names = [f"web{number}" for number in range(hosts)]
    made = batches.split(names, serial)
    assert [len(batch) for batch in made] == sizes
    assert [name for batch in made for name in batch] == names


def of_hosts(serial: Serial = DEFAULT, **plans: Plan | dict[str, Plan]) -> list[Any]:
    by_service = {host: of_host if isinstance(of_host, dict) else {"monitor": of_host}
                  for host, of_host in plans.items()}
    made = {(host, name): one for host, of_host in by_service.items() for name, one in of_host.items()}
    return [batch.hosts for batch in batches.of_plans(made, serial, 0)]


def test_batches_are_of_hosts_that_have_something_to_do() -> None:
    assert of_hosts(web3=UP, web1=NOTHING, web2=UP) == [["web2"], ["web3"]]
    assert of_hosts(web1=NOTHING) == []


def test_host_that_does_not_run_all_programs_goes_first() -> None:
    assert of_hosts(web1=UP, web2=UP, web3=DOWN) == [["web3"], ["web1", "web2"]]
    assert of_hosts(web1={"a": UP, "b": UP}, web2={"a": UP, "b": DOWN}, web3=UP) == [["web2"], ["web1", "web3"]]


def test_host_on_which_no_program_runs_goes_last() -> None:
    """Else a bad version would reach all others at once."""
    service = replace(SERVICE, programs=())
    idle = planner.deploy_planner(recipe)((replace(TARGET, service=service),), {
        goal.key(TARGET): facts(programs={})}, {"monitor": GOAL})[goal.key(TARGET)]
    assert idle.steps and of_hosts(web1=idle, web2=UP, web3=UP) == [["web2"], ["web3", "web1"]]
    assert of_hosts(web1={"a": idle, "b": UP}, web2={"a": UP}) == [["web1"], ["web2"]]


def running(*groups: str) -> Plan:
    """The plan of a host that runs these programs."""
    programs = tuple(replace(SERVICE.programs[0], name=group, group=group) for group in groups)
    target = replace(TARGET, service=replace(SERVICE, programs=programs))
    there = facts(programs={group: process("RUNNING")["monitor"] for group in groups})
    return planner.deploy_planner(recipe)((target,), {goal.key(target): there}, {"monitor": GOAL})[goal.key(target)]


@pytest.mark.promise(10)
@pytest.mark.parametrize(("hosts", "expected"), [
    ({"jobs1": "worker", "web1": "web", "web2": "web", "web3": "web"}, [["jobs1"], ["web1"], ["web2", "web3"]]),
    ({"jobs1": "worker", "web1": "web worker", "web2": "web"}, [["jobs1"], ["web1"], ["web2"]]),
    ({"a": "web worker", "b": "web", "c": "worker"}, [["a"], ["b", "c"]]),
    ({"a": "web", "b": "worker", "c": "beat"}, [["a"], ["b", "c"]]),
    ({"a": "web beat", "b": "web worker", "c": "web", "d": "worker"}, [["a"], ["b"], ["c", "d"]]),
], ids=str)
def test_program_of_several_hosts_restarts_on_one_of_them_alone(hosts: dict[str, str], expected: list[list[str]]
                                                                ) -> None:
    plans = {host: running(*groups.split()) for host, groups in hosts.items()}
    assert of_hosts(**plans) == expected
    assert of_hosts(serial=(2,), **plans)[0] == [*hosts][:2]


def test_host_of_an_early_batch_looks_again_after_the_pause_once_for_all_its_services() -> None:
    plans = {("web1", "a"): UP, ("web1", "b"): UP, ("web2", "a"): UP, ("web3", "a"): NOTHING}
    made = batches.of_plans(plans, DEFAULT, 10)
    assert [(batch.hosts, batch.pause) for batch in made] == [(["web1"], 10), (["web2"], 0)]
    placed = batches.in_batches(plans, made)
    waits = {key: [step.do.args["seconds"] for step in one.steps if step.name == "recheck"]
             for key, one in placed.items()}
    assert waits == {("web1", "a"): [10], ("web1", "b"): [0], ("web2", "a"): [], ("web3", "a"): []}
    assert {key: one.record.get("batch") for key, one in placed.items()} == {
        ("web1", "a"): 1, ("web1", "b"): 1, ("web2", "a"): 2, ("web3", "a"): None}


def test_plans_of_one_batch_stay_as_they_are() -> None:
    plans = {("web1", "a"): UP, ("web2", "a"): UP}
    assert batches.in_batches(plans, batches.of_plans(plans, ("100%",), 10)) == plans
