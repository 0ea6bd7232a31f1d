"""The plan that a deploy makes from the facts of the hosts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tasks import _errors as errors
from tasks.deploy import recipe
from tasks.inventory.model import Service, Target
from tasks.inventory.secret import reveal
from tasks.inventory.service_file import FileContent
from tasks.rollout import goal
from tasks.rollout.facts import CloneState, Facts, PlacedFile, Release
from tasks.rollout.plan import planner, refusals
from tasks.rollout.recipe import STRATEGIES, supervised
from tasks.rollout.steps import Plan
from tests.rollout.samples import (
    BLANK,
    GOAL,
    HOOKED,
    HOST,
    RELEASED,
    SERVICE,
    STOPPED,
    TARGET,
    A,
    B,
    C,
    facts,
    names,
    plan,
    process,
    released,
)
from tests.support.services import changed

ALL = ["fetch", "checkout", "build", "program", "restart", "verify"]


@pytest.mark.parametrize(("found", "steps"), [
    (BLANK, ALL), (facts(), ALL), (facts(B), []),
    (facts(B, programs=STOPPED, started_from=None), ["restart", "verify"]),
    (facts(B, programs=STOPPED, started_from=None, committed={}), ALL),
    (facts(B, programs=STOPPED, started_from=None, committed={"to": A}), ALL),
    (facts(B, started_from=A), ALL), (facts(B, program_file="by hand"), ALL), (facts(B, env_sha256="0"), ALL),
    (facts(B, env_sha256=None), ALL),
    (facts(B, programs=process("BACKOFF"), started_from=None, committed={}), ALL)])
def test_deploy_plans_only_the_steps_that_are_needed(found: Facts, steps: list[str]) -> None:
    made = plan(found)
    assert (names(made), made.was, made.tried) == (steps, found.commit, B)


def test_commit_that_touches_nothing_below_the_subdirectory_changes_nothing() -> None:
    key, goals = goal.key(TARGET), {"monitor": replace(GOAL, subtree=C)}

    def made(found: Facts, force: bool = False) -> Plan:
        return planner.deploy_planner(recipe, force=force)((TARGET,), {key: found}, goals)[key]

    same = made(facts(subtree=C))
    assert (names(same), same.was, same.tried) == ([], A, A)
    forced = made(facts(subtree=C), force=True)
    assert (names(forced), forced.tried) == (ALL, B)
    for found in (facts(subtree=B), facts(), facts(subtree=C, env_sha256="0"), replace(BLANK, subtree=C)):
        other = made(found)
        assert (names(other), other.tried) == (ALL, B)


@pytest.mark.parametrize(("login_path", "variables", "reasons"), [
    ("/bin", {"X": "1"}, ["its programs get PATH of the login from now on"]),
    (None, {"X": "1"}, []),
    ("/bin", {"X": "2"}, ["the environment file changes"])])
def test_programs_that_an_older_version_started_get_path_of_the_login_with_a_word(
    login_path: str | None, variables: dict[str, str], reasons: list[str],
) -> None:
    service = changed(SERVICE, variables=variables)
    assert planner.differences(service, facts(B, login_path=login_path), B, keeps_files=False) == reasons


def test_force_plans_every_step() -> None:
    assert names(plan(facts(B), force=True)) == ALL


def test_obstacles_of_all_hosts_are_refused_at_once() -> None:
    two = {("web1", "monitor"): facts(edited=[" M x"]), ("web2", "monitor"): facts(edited=[" M y"])}
    targets = tuple(replace(TARGET, host=replace(TARGET.host, name=name)) for name in ("web1", "web2"))
    with pytest.raises(errors.NotReady, match=r"(?s)web1.* M x.*web2.* M y"):
        refusals.refuse(targets, two, force=False, set_aside=False)
    refusals.refuse(targets, two, force=False, set_aside=True)
    merges = {key: facts(edited=["UU x; y", " M z"]) for key in two}
    with pytest.raises(errors.NotReady, match=r"(?s)web1: .*half-done in /r/d: conflicts in x; y .*web2: ") as raised:
        refusals.refuse(targets, merges, force=False, set_aside=True)
    assert raised.value.hint.startswith("finish it on the host")
    assert len(refusals.of_service(TARGET, facts(edited=["UU x", " M z"]))) == 1, "--set-aside would not help"
    with pytest.raises(errors.NotReady, match="no git clone"):
        refusals.refuse((TARGET,), {goal.key(TARGET): replace(BLANK, foreign=True)}, force=False, set_aside=True)


def test_edits_in_the_clone_are_refused_where_the_program_leaves_its_release_for_it() -> None:
    edit = PlacedFile(sha256="1", written="2")
    state = CloneState(commit=B, branch=None, edited=[" M x"], files={"y": edit, "z": PlacedFile(problem="a link")})
    known = released(A, clone_state=state, edited=[" M x"])
    content = FileContent(path="z", text="", mode=0o644, secrecy="none", sha256="3", size=0)
    placed = replace(SERVICE, file_contents=(content,))
    assert [problem.message for problem in refusals.of_service(replace(TARGET, service=placed), known)] == [
        "files were edited on the host:\nweb1: M x (monitor)",
        "web1: a link, where `files` puts a file (monitor)",
        "files that hosts.yaml names were edited on the host:\nweb1: y (monitor)"]
    assert refusals.of_service(replace(TARGET, service=RELEASED), replace(known, edited=[])) == []


def test_program_of_another_environment_is_refused_where_both_name_one_state_folder() -> None:
    """A new directory alone, or a new name of the environment, is no other environment."""
    moved, renamed = facts(written_directory="/other/d"), replace(SERVICE, run_mode="staging")
    [problem] = refusals.of_service(replace(TARGET, service=renamed), moved)
    assert problem.message.endswith("would be replaced:\nweb1: it runs in /other/d as prod (monitor)")
    for service, known in ((SERVICE, moved), (renamed, facts())):
        assert refusals.of_service(replace(TARGET, service=service), known) == []
    refusals.refuse((replace(TARGET, service=renamed),), {goal.key(TARGET): moved}, force=True, set_aside=False)


def test_releases_of_another_tool_are_refused_by_a_strategy_that_would_build_among_them() -> None:
    theirs = Release(name="20240101120000", digest=None, in_use=True, commit=A)
    known = {goal.key(TARGET): replace(BLANK, foreign=True, strategy="releases", current=theirs.name,
                                       releases=[theirs])}
    with pytest.raises(errors.NotReady, match="runs in a release of another tool") as raised:
        refusals.refuse((TARGET,), known, force=False, set_aside=True)
    assert "strategy: releases" in raised.value.hint
    refusals.refuse((replace(TARGET, service=RELEASED),), known, force=False, set_aside=True)


def test_record_of_a_plan_holds_what_an_undo_needs() -> None:
    record = plan(facts()).record
    assert {key: record[key] for key in ("revision", "branch", "from", "to", "was_running", "build", "variables")} == {
        "revision": "main", "branch": "main", "from": A, "to": B, "was_running": True, "build": ["make"],
        "variables": {"X": "1", "RUN_MODE": "prod"}}
    assert record["program_sha256"] == facts().committed["program_sha256"]


def test_plan_message_is_plain_json() -> None:
    import json

    message = plan(BLANK).message()
    sent = json.loads(json.dumps(message, default=reveal))
    assert sent["steps"][3]["args"].pop("env_file") == reveal(message["steps"][3]["args"].pop("env_file"))
    assert sent == message
    assert set(message["steps"][0]) == {"name", "phase", "action", "args", "undo", "undo_last", "undo_at"}


def test_plan_for_the_same_version_keeps_its_record() -> None:
    kept = planner.same_version(SERVICE, facts(), supervised.restart_steps(SERVICE, facts()))
    assert (kept.was, kept.tried, kept.record["build"], kept.record["to"]) == (A, A, ["make old"], A)
    for line in ({"by": "ann", "at": "1"}, {"by": "bob", "at": "2", "deployed_by": "ann", "deployed_at": "1"}):
        again = planner.same_version(SERVICE, facts(committed={"to": A, **line}), [])
        assert (again.record["deployed_by"], again.record["deployed_at"]) == ("ann", "1"), "bob only restarts it"
    assert planner.same_version(SERVICE, facts(committed={"to": B, "build": ["x"]}), []).record.get("build") is None


@pytest.mark.parametrize(("found", "force", "once"), [
    ([BLANK, BLANK, BLANK], False, "web1"), ([facts(B), facts(), facts()], False, "web2"),
    ([facts(B), facts(B), facts(B)], False, None), ([facts(B), facts(B), facts(B)], True, "web1"),
    ([facts(B, programs=STOPPED, started_from=None), BLANK, BLANK], False, "web2")])
def test_hook_with_once_is_planned_on_the_lowest_host_that_changes(found: list[Facts], force: bool,
                                                                   once: str | None) -> None:
    """On the lowest-named host on which a version changes."""
    plain = replace(HOOKED, secrets=(), secret_values={})
    targets = tuple(Target(host=replace(HOST, name=f"web{number}"), service=plain) for number in (3, 1, 2))
    known = {(f"web{number}", "monitor"): one for number, one in enumerate(found, 1)}
    plans = planner.deploy_planner(recipe, force=force)(targets, known, {"monitor": GOAL})
    assert [host for (host, _), made in sorted(plans.items()) if "after_activate" in names(made)] == (
        [once] if once else [])


@pytest.mark.parametrize(("service", "found", "tidy"), [
    (SERVICE, facts(), None), (SERVICE, released(A), {"keep": 0}), (SERVICE, facts(current=A), {"keep": 0}),
    (RELEASED, facts(), {"keep": 3})])
def test_tidy_action_follows_the_strategy(service: Service, found: Facts, tidy: dict[str, int] | None) -> None:
    made = STRATEGIES[service.strategy].tidy(service, found)
    assert (made.args if made else None) == tidy
    message = replace(plan(found), tidy=made).message()
    assert message["tidy"] == (made and {"action": "tidy_releases", "args": tidy})
