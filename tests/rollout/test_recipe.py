"""The steps of a deploy, with what they do and what undoes them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import pytest
from msgspec.structs import replace

from tasks.deploy import recipe
from tasks.executor.protocol import PHASES
from tasks.inventory.document import schema
from tasks.inventory.model import Health, Hook, Service
from tasks.inventory.secret import Secret
from tasks.program import files
from tasks.rollout import goal
from tasks.rollout.facts import CloneState, Facts, PlacedFile, Process, Release
from tasks.rollout.plan import planner
from tasks.rollout.recipe import STRATEGIES, hooks, in_place, releases, supervised
from tasks.rollout.steps import Plan, Step
from tasks.rollout.transaction import client_hooks
from tests.rollout.samples import (
    BLANK,
    BUILT,
    GOAL,
    HOOKED,
    RELEASED,
    SERVICE,
    TARGET,
    A,
    B,
    C,
    facts,
    plan,
    process,
    released,
)
from tests.support.services import changed


def program_before(step: Step) -> dict[str, Any]:
    """What the undo of a step knows of the only program."""
    assert step.undo
    (before,) = step.undo.args["programs"]
    return dict(before)


@pytest.mark.parametrize(("service", "found", "live", "built"), [
    (HOOKED, facts(), "/r/d", "/r/d"),
    (replace(HOOKED, strategy="releases"), released(A), "/r/d/current", f"/r/d/releases/{B}")])
def test_subdirectory_is_where_builds_hooks_and_programs_run(service: Service, found: Facts, live: str, built: str
                                                             ) -> None:
    steps = {step.name: step for step in recipe(replace(service, subdirectory="back/end"), found, GOAL)}
    assert steps["build"].do.args["subdirectory"] == "back/end"
    assert {steps[name].do.args["directory"] for name in ("before_activate", "after_activate")} == {f"{built}/back/end"}
    text = steps["program"].do.args["program_file"]
    assert f"directory={live}/back/end\n" in text and "stdout_logfile=/r/d/logs/monitor.log\n" in text


@pytest.mark.promise(3)
def test_undo_builds_in_the_subdirectory_of_the_version_before() -> None:
    service = replace(SERVICE, subdirectory="new")
    for committed, folder in (({"to": A, "build": ["make old"], "subdirectory": "old"}, "old"),
                              ({"to": A, "build": ["make old"]}, ""), ({}, "new")):
        (step,) = in_place.build(service, facts(committed=committed), GOAL)
        assert step.undo and step.undo.args["subdirectory"] == folder


@pytest.mark.promise(3)
def test_undo_of_a_first_deploy_removes_the_clone() -> None:
    steps = {step.name: step for step in plan(BLANK).steps}
    fetch = steps["fetch"]
    assert fetch.undo and (fetch.undo.action, fetch.undo.args) == ("remove_clone", {"existed": False, "keep": []})
    assert fetch.undo_last
    assert steps["checkout"].undo is None and steps["build"].undo is None
    assert steps["program"].undo and steps["program"].undo.action == "files_back"
    assert program_before(steps["restart"])["was"] == "absent"
    kept = plan(replace(BLANK, directory_exists=True, contents=["logs"])).steps[0].undo
    assert kept and kept.args == {"existed": True, "keep": ["logs"]}


@pytest.mark.promise(3)
def test_undo_builds_the_old_version_as_it_was_built() -> None:
    steps = {step.name: step for step in plan(facts(branch="main")).steps}
    assert steps["fetch"].undo is None
    assert steps["checkout"].undo and steps["checkout"].undo.args["commit"] == A
    assert steps["checkout"].undo.args["branch"] == "main"
    assert steps["build"].do.args == {"commands": ["make"], "variables": {"X": "1", "RUN_MODE": "prod"}, "timeout": 60,
                                      "subdirectory": ""}
    assert steps["build"].undo and steps["build"].undo.args["commands"] == ["make old"]
    assert steps["build"].undo.args["variables"] == {"X": "old"}
    strange = in_place.build(SERVICE, facts(committed={"to": C, "build": ["other"]}), GOAL)[0].undo
    assert strange and strange.args["commands"] == ["make"]
    assert in_place.build(replace(SERVICE, build=()), facts(), GOAL) == []
    (without,) = in_place.build(SERVICE, facts(committed={"to": A, "build": []}), GOAL)
    assert without.undo is None, "it was deployed without a build"


@pytest.mark.promise(2)
@pytest.mark.promise(3)
def test_prepare_comes_before_activate_and_every_change_has_an_undo() -> None:
    found = plan(facts())
    assert [step.phase for step in found.steps] == ["prepare"] * 3 + ["activate"] * 3
    assert [step.name for step in found.steps if step.undo] == ["checkout", "build", "program", "restart"]


@pytest.mark.parametrize(("state", "was"), [
    ("RUNNING", "RUNNING"), ("STARTING", "RUNNING"), ("STOPPED", "STOPPED"), ("FATAL", "STOPPED"),
    ("EXITED", "STOPPED"),
    ("absent", "absent")])
def test_restart_records_the_state_that_the_program_was_in(state: str, was: str) -> None:
    for step in (supervised.restart(SERVICE, facts(programs=process(state, pid=5))),
                 supervised.stop(SERVICE, facts(programs=process(state, pid=5)))):
        before = program_before(step)
        assert (before["was"], before["processes"]) == (
            was, [{"name": "monitor", "pid": 5, "start": None}] if was == "RUNNING" else [])
        assert [process["state"] for process in before["idle"]] == ([state] if was == "STOPPED" else [])
        assert step.do.args["programs"][0]["patience"] > 7


@pytest.mark.parametrize(("state", "seconds", "is_proven"), [
    ("RUNNING", 7, True), ("RUNNING", 6, False), ("STARTING", None, False)])
def test_way_back_asks_no_more_of_a_process_than_it_did_before(state: str, seconds: int | None, is_proven: bool
                                                               ) -> None:
    """With `startsecs: 3`, verify looks for 6 s. A crash loop is RUNNING in between."""
    program_file = "[program:monitor]\nstartsecs=3\n"
    known = facts(program_file=program_file, programs=process(state, pid=5, start=10, now=10 + (seconds or 0)))
    assert program_before(supervised.restart(SERVICE, known))["unproven"] == ([] if is_proven else ["monitor"])


def test_restart_waits_as_long_as_the_running_program_file_allows() -> None:
    by_hand = "[program:monitor]\nstopwaitsecs = 600 ; drains\nstartsecs=200\n"
    step = supervised.restart(SERVICE, facts(program_file=by_hand))
    before = program_before(step)
    assert step.do.args["programs"][0]["patience"] == before["patience"] > 600
    assert before["startsecs"] == 200


def test_verify_and_health_steps_carry_the_service_settings() -> None:
    assert supervised.verify(SERVICE).do.args["programs"][0]["startsecs"] == 3
    assert supervised.health(SERVICE, B) == []
    checked = changed(SERVICE, health=Health(tcp="x:1", timeout=4))
    (step,) = supervised.health(checked, B)
    (check,) = step.do.args["programs"]
    assert check["health"]["tcp"] == "x:1" and check["variables"] == {"REVISION": B, "X": "1", "RUN_MODE": "prod"}
    assert [one.name for one in supervised.restart_steps(checked, facts())] == ["restart", "verify", "health"]


def test_hooks_are_steps_of_their_own_phases() -> None:
    steps = recipe(HOOKED, facts(), GOAL)
    assert [(step.name, step.phase) for step in steps if "activate" in step.name] == [
        ("before_activate", "before"), ("after_activate", "after")]
    order = [PHASES.index(step.phase) for step in steps]
    assert order == sorted(order)
    before = next(step for step in steps if step.name == "before_activate")
    assert before.do.args == {
        "directory": "/r/d", "commands": ["migrate", "seed", "warm"], "timeout": 60, "secrets": {"T": Secret("x")},
        "variables": {"X": "1", "RUN_MODE": "prod", "ENVIRONMENT": "production", "HOST": "web1", "REVISION": B,
                      "PREVIOUS": A}}
    assert before.undo is None
    beside = recipe(replace(HOOKED, strategy="releases"), facts(), GOAL)
    assert {step.do.args["directory"] for step in beside if "activate" in step.name} == {f"/r/d/releases/{B}"}


DRAINED = replace(HOOKED, hooks={"drain": (Hook(run=("leave",)),), "undrain": (Hook(run=("enter",)),)})


@pytest.mark.parametrize("service", [DRAINED, replace(DRAINED, strategy="releases")])
def test_drain_and_undrain_undo_each_other(service: Service) -> None:
    """Each in the place of the other: programs stop on the way back, too."""
    steps = recipe(service, released(A), GOAL)
    names = [step.name for step in steps if step.phase == "activate"]
    assert names[0] == "drain" and names[-1] == "undrain"
    drain, undrain = (next(step for step in steps if step.name == name) for name in ("drain", "undrain"))
    assert drain.undo and (drain.undo_at, drain.undo.action, drain.undo.args["commands"]) == (
        "undrain", "undrain_back", ["enter"])
    assert undrain.undo and (undrain.undo_at, undrain.undo.action, undrain.undo.args["commands"]) == (
        "drain", "drain_back", ["leave"])
    assert "secrets" not in drain.undo.args and drain.do.args["secrets"] == {"T": Secret("x")}


def test_hooks_of_the_client_are_around_those_of_the_host() -> None:
    """They are not sent to it; it only learns that they take it out of service."""
    both = {name: (Hook(run=(f"host {name}",)), Hook(run=(f"client {name}",), on="client"))
            for name in ("before_activate", "drain", "undrain", "after_activate")}
    made = recipe(replace(HOOKED, hooks=both), facts(), GOAL)
    order = {name: ("client", "host") if name in client_hooks.AHEAD else ("host", "client") for name in both}
    assert [(step.name, step.on) for step in made if step.name in both] == [
        (name, on) for name in both for on in order[name]]
    drain, undrain = (next(step for step in made if (step.name, step.on) == (name, "client"))
                      for name in ("drain", "undrain"))
    assert drain.undo and drain.undo.args["commands"] == ["client undrain"]
    assert undrain.undo and undrain.undo.args["commands"] == ["client drain"]
    message = Plan(was=A, tried=B, steps=tuple(made)).message()
    assert message["client_drains"]
    assert all("client" not in str(step["args"].get("commands")) for step in message["steps"])


@pytest.mark.parametrize(("name", "waits"), [("drain", False), ("undrain", True)])
def test_host_waits_for_the_client_on_the_way_back_where_the_client_enters_it_into_service(name: str, waits: bool
                                                                                           ) -> None:
    """Whichever side took it out of service."""
    other = {"drain": "undrain", "undrain": "drain"}[name]
    service = replace(HOOKED, hooks={name: (Hook(run=(name,), on="client"),), other: (Hook(run=(other,)),)})
    made = Plan(was=A, tried=B, steps=tuple(recipe(service, facts(), GOAL)))
    assert made.message()["client_drains"] is waits


@pytest.mark.parametrize("name", ["drain", "undrain", "on_failure"])
def test_hook_of_a_host_finds_its_secrets_on_the_way_back(name: str) -> None:
    service = replace(HOOKED, hooks={name: (Hook(run=(name,)),)})
    assert hooks.env_file(service) == files.env_file(service)
    assert hooks.env_file(replace(HOOKED, hooks={name: (Hook(run=(name,), on="client"),)})) is None


def test_undrain_that_a_deploy_left_is_all_that_is_planned() -> None:
    """Of the client: the host ran its own."""
    service = replace(SERVICE, hooks={name: (Hook(run=(name,), on="client"),) for name in ("drain", "undrain")})
    left = facts(B, drained_by="d-1")
    assert [step.name for step in hooks.owed(service, left)] == ["undrain"]
    assert hooks.owed(DRAINED, left) == hooks.owed(service, facts(B)) == []
    target = replace(TARGET, service=service)
    made = planner.deploy_planner(recipe)((target,), {("web1", "monitor"): left}, {"monitor": GOAL})["web1", "monitor"]
    assert [step.name for step in made.steps] == ["undrain"] and made.record["to"] == B


def test_drain_runs_around_a_restart_and_before_a_stop() -> None:
    found = facts()
    for steps, names in ((supervised.restart_steps(DRAINED, found), ["drain", "restart", "verify", "undrain"]),
                         ([supervised.stop(DRAINED, found)], ["drain", "stop"])):
        around = hooks.around(DRAINED, found, steps)
        assert [step.name for step in around] == names
        assert (around[0].undo_at, around[0].do.args["directory"]) == (names[-1], "/r/d")
    assert hooks.around(HOOKED, found, steps) == steps


@pytest.mark.parametrize(("monitor", "other", "stopped", "restarted"), [
    ("RUNNING", "RUNNING", ["drain", "stop", "undrain"], True),
    ("RUNNING", "BACKOFF", ["drain", "stop", "undrain"], True),
    ("RUNNING", "STOPPED", ["drain", "stop"], True), ("RUNNING", "EXITED", ["drain", "stop"], True),
    ("EXITED", "STOPPED", ["stop"], False), ("STOPPED", "absent", ["stop"], False),
    ("EXITED", "FATAL", ["drain", "stop"], True)])
def test_host_is_drained_only_while_a_program_is_up(monitor: str, other: str, stopped: list[str], restarted: bool
                                                    ) -> None:
    """`other`: the state of a program that the command is not about."""
    found = facts(programs={**process(monitor), "other": [Process(name="other", state=other)]})
    assert [step.name for step in hooks.around(DRAINED, found, [supervised.stop(DRAINED, found)])] == stopped
    steps = [step.name for step in hooks.around(DRAINED, found, supervised.restart_steps(DRAINED, found))]
    assert (steps[0] == "drain", steps[-1]) == (restarted, "undrain")


def around_the_restart(service: Service, found: Facts) -> list[tuple[str, bool]]:
    """The hooks around the programs, and whether each of them is undone."""
    return [(step.name, bool(step.undo)) for step in recipe(service, found, GOAL) if "drain" in step.name]


@pytest.mark.parametrize("on", ["host", "client"])
def test_host_on_which_no_program_runs_is_never_taken_into_service(on: Literal["host", "client"]) -> None:
    """Neither when a first deploy goes back, nor where hosts.yaml has no program for the host, or none any more."""
    service = replace(SERVICE, hooks={name: (Hook(run=(name,), on=on),) for name in ("drain", "undrain")})
    without = service.only([])
    assert around_the_restart(service, facts()) == [("drain", True), ("undrain", True)]
    for found in (BLANK, facts(programs=process("absent"))):
        assert around_the_restart(service, found) == [("drain", False), ("undrain", True)]
        assert around_the_restart(without, found) == []
    assert around_the_restart(without, facts()) == [("drain", True)]


def test_every_strategy_is_in_the_schema() -> None:
    assert set(STRATEGIES) == set(get_args(schema.Strategy))


def test_release_of_another_tool_is_taken_by_a_rollback_alone() -> None:
    theirs = Release(name="20240101120000", digest=None, in_use=False, commit=B)
    known = replace(released(A), releases=[*released(A).releases, theirs])
    assert releases.release(RELEASED, known, GOAL) == B
    assert releases.release(RELEASED, known, replace(GOAL, is_previous=True)) == theirs.name
    ours = replace(known, releases=[*known.releases, *released(B).releases])
    assert releases.release(RELEASED, ours, replace(GOAL, is_previous=True)) == B


def test_release_is_built_beside_and_switched_to() -> None:
    steps = {step.name: step for step in recipe(RELEASED, released(A), GOAL)}
    assert list(steps) == ["fetch", "checkout", "build", "program", "switch", "restart", "verify"]
    assert [step.phase for step in steps.values()] == ["prepare"] * 3 + ["activate"] * 4
    assert steps["checkout"].do.args["shared"] == ["etc/a.cfg"] and not steps["checkout"].do.args["complete"]
    undo = steps["checkout"].undo
    assert undo and (undo.action, undo.args) == ("remove_release", {"release": B}) and steps["checkout"].undo_last
    assert steps["build"].undo is None, "going back builds nothing"
    undo = steps["switch"].undo
    assert undo and undo.args == {"release": A}
    assert "directory=/r/d/current\n" in steps["program"].do.args["program_file"]
    assert [step.name for step in recipe(replace(RELEASED, build=()), released(A), GOAL)][:3] == [
        "fetch", "checkout", "program"]
    first = {step.name: step for step in recipe(RELEASED, BLANK, GOAL)}["switch"]
    assert first.undo and first.undo.args == {"release": None}


@pytest.mark.parametrize(("found", "goal_", "name"), [
    (released(A), GOAL, B), (released(A, B), GOAL, B), (released(B, current=B, commit=B), GOAL, B),
    (released(f"{B}-2", A), GOAL, f"{B}-2"), (released(B, f"{B}-2", current=f"{B}-2", commit=B), GOAL, f"{B}-2"),
    # what runs must not be touched: edited, moved to another commit by hand, asked for once more
    (released(B, current=B, commit=B, edited=[" M x"]), GOAL, f"{B}-2"),
    (released(B, current=B, commit=C), GOAL, f"{B}-2"),
    (released(B, current=B, commit=B), replace(GOAL, force=True), f"{B}-2"),
    (released(A, B), replace(GOAL, force=True), B),
    # built differently; half made; half made, but somebody is in it; gone, though current points to it
    (replace(released(A), releases=[Release(name=B, digest="other", in_use=False)]), GOAL, f"{B}-2"),
    (replace(released(A), releases=[Release(name=B, digest=None, in_use=False)]), GOAL, B),
    (replace(released(A), releases=[Release(name=B, digest=None, in_use=True)]), GOAL, f"{B}-2"),
    (replace(released(current=B, commit=B), releases=[Release(name=B, digest=None, in_use=False)]), GOAL, f"{B}-2"),
    (released(current=B), GOAL, B)])
def test_release_name_is_the_commit_with_a_number_when_the_build_differs(found: Facts, goal_: goal.Goal,
                                                                         name: str) -> None:
    assert releases.release(RELEASED, found, goal_) == name


@pytest.mark.parametrize("change", [{"build": ("make all",)}, {"variables": {"X": "2"}}, {"run_mode": "x"},
                                    {"shared": ()}, {"subdirectory": "backend"}])
def test_digest_differs_when_anything_of_the_build_differs(change: dict[str, Any]) -> None:
    assert releases.digest(replace(RELEASED, **change), GOAL) != BUILT
    assert releases.digest(changed(RELEASED, keep_releases=9, command="x", program={}), GOAL) == BUILT


@pytest.mark.parametrize("service", [SERVICE, RELEASED])
def test_commit_that_a_client_built_is_not_built_on_hosts(service: Service) -> None:
    carried = replace(GOAL, source=C)
    steps = recipe(replace(service, fetch="client"), facts(), carried)
    assert [step.name for step in steps[:3]] == ["fetch", "checkout", "program"]
    assert steps[0].do.args["branch"] is None           # a reference of its own keeps it
    assert releases.digest(replace(RELEASED, build=("other",)), carried) == releases.digest(RELEASED, carried)
    back = in_place.build(SERVICE, facts(committed={"to": A, "source": C, "build": []}), GOAL)
    assert [step.undo for step in back] == [None]       # the version before holds its build


def test_change_to_in_place_returns_the_clone_to_its_own_commit() -> None:
    state = CloneState(commit=C, branch="main", edited=[" M x"], files={"y": PlacedFile(sha256="1", written="1")})
    steps = {step.name: step for step in recipe(SERVICE, released(A, clone_state=state), replace(GOAL, set_aside=True))}
    undo = steps["checkout"].undo
    assert undo and undo.args == {"commit": C, "branch": "main", "set_aside": True}
    assert steps["build"].undo is None, "nothing runs there"
    assert "switch" not in steps
    assert steps["files"].do.args["files"] == [], "what it placed there before goes"
