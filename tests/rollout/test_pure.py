"""What is decided from values alone: goals, plans, endings, who may fetch, where a rollback leads, what is odd."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tasks import _errors as errors
from tasks import rollback
from tasks.deploy import recipe
from tasks.inventory import schema
from tasks.inventory.model import Health, Hook, Host, Service, Target
from tasks.inventory.secret import Secret, reveal
from tasks.program import files
from tasks.rollout import goal, oddities, planner, results, status
from tasks.rollout.events import Result
from tasks.rollout.facts import CloneState, Facts, Program, Release
from tasks.rollout.fetch_limit import FetchLimit
from tasks.rollout.fleet import Peer
from tasks.rollout.recipe import STRATEGIES, in_place, releases, supervised
from tasks.rollout.steps import PHASES, Plan

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
SERVICE = Service(name="monitor", repo="r", directory="d", command="./monitor", run_mode="prod", build=("make",),
                  build_timeout=60, variables={"X": "1"}, program={"startsecs": "3", "stopwaitsecs": "7"})
HOST = Host(name="web1", root="/r")
TARGET = Target(host=HOST, service=SERVICE)
GOAL = goal.Goal(commit=B, revision="main", branch="main")
BLANK = Facts(
    directory="/r/d", directory_exists=False, clone=False, foreign=False, commit=None, branch=None, edited=[],
    program_file=None, program_path="/r/conf.d/monitor.conf", env_path="/r/.fabvisor/monitor/env", env_sha256=None,
    program=Program(state="absent"), started_from=None, committed={}, history=[], log="/r/d/logs/monitor.log")


def facts(commit: str = A, **more: Any) -> Facts:
    """A host on which `commit` is deployed and runs."""
    there = replace(BLANK, clone=True, directory_exists=True, commit=commit)
    text = files.program_file(SERVICE, supervised.paths(SERVICE, there))
    return replace(there, **{
        "program_file": text, "env_sha256": files.env_file(SERVICE).sha256(), "started_from": commit,
        "program": Program(state="RUNNING", pid=7, start=1, now=2),
        "committed": {"to": commit, "build": ["make old"], "variables": {"X": "old"},
                      "program_sha256": files.digest(text)}, **more})


def plan(found: Facts, **options: Any) -> Plan:
    key = goal.key(TARGET)
    return planner.deploy_planner(recipe, **options)((TARGET,), {key: found}, {"monitor": GOAL})[key]


def names(found: Plan) -> list[str]:
    return [step.name for step in found.steps]


ALL = ["fetch", "checkout", "build", "program", "restart", "verify"]
STOPPED = Program(state="STOPPED")


@pytest.mark.parametrize(("found", "steps"), [
    (BLANK, ALL), (facts(), ALL), (facts(B), []),
    (facts(B, program=STOPPED, started_from=None), ["restart", "verify"]),
    (facts(B, program=STOPPED, started_from=None, committed={}), ALL),
    (facts(B, program=STOPPED, started_from=None, committed={"to": A}), ALL),
    (facts(B, started_from=A), ALL), (facts(B, program_file="by hand"), ALL), (facts(B, env_sha256="0"), ALL),
    (facts(B, env_sha256=None), ALL),
    (facts(B, program=Program(state="BACKOFF"), started_from=None, committed={}), ALL)])
def test_what_a_deploy_does(found: Facts, steps: list[str]) -> None:
    made = plan(found)
    assert (names(made), made.was, made.tried) == (steps, found.commit, B)


def test_force_does_everything() -> None:
    assert names(plan(facts(B), force=True)) == ALL


def test_obstacles_are_told_all_at_once() -> None:
    two = {("web1", "a"): facts(edited=[" M x"]), ("web2", "a"): facts(edited=[" M y"])}
    with pytest.raises(errors.NotReady, match=r"(?s)web1.* M x.*web2.* M y"):
        planner.refuse_obstacles(two, set_aside=False)
    planner.refuse_obstacles(two, set_aside=True)
    with pytest.raises(errors.NotReady, match="no clone"):
        planner.refuse_obstacles({("web1", "a"): replace(BLANK, foreign=True)}, set_aside=True)


def test_the_way_back_of_a_first_deploy() -> None:
    steps = {step.name: step for step in plan(BLANK).steps}
    fetch = steps["fetch"]
    assert fetch.undo and (fetch.undo.action, fetch.undo.args) == ("remove_clone", {"existed": False, "keep": []})
    assert fetch.undo_last
    assert steps["checkout"].undo is None and steps["build"].undo is None
    assert steps["program"].undo and steps["program"].undo.action == "files_back"
    assert steps["restart"].undo and steps["restart"].undo.args["was"] == "absent"
    kept = plan(replace(BLANK, directory_exists=True, contents=["logs"])).steps[0].undo
    assert kept and kept.args == {"existed": True, "keep": ["logs"]}


def test_the_way_back_builds_the_old_as_it_was_built() -> None:
    steps = {step.name: step for step in plan(facts(branch="main")).steps}
    assert steps["fetch"].undo is None
    assert steps["checkout"].undo and steps["checkout"].undo.args["commit"] == A
    assert steps["checkout"].undo.args["branch"] == "main"
    assert steps["build"].do.args == {"commands": ["make"], "variables": {"X": "1", "RUN_MODE": "prod"}, "timeout": 60}
    assert steps["build"].undo and steps["build"].undo.args["commands"] == ["make old"]
    assert steps["build"].undo.args["variables"] == {"X": "old"}
    strange = in_place.build(SERVICE, facts(committed={"to": C, "build": ["other"]}), GOAL)[0].undo
    assert strange and strange.args["commands"] == ["make"]
    assert in_place.build(replace(SERVICE, build=()), facts(), GOAL) == []


def test_prepare_comes_before_activate_and_every_change_has_an_undo() -> None:
    found = plan(facts())
    assert [step.phase for step in found.steps] == ["prepare"] * 3 + ["activate"] * 3
    assert [step.name for step in found.steps if step.undo] == ["checkout", "build", "program", "restart"]


@pytest.mark.parametrize(("state", "was"), [
    ("RUNNING", "RUNNING"), ("STARTING", "RUNNING"), ("STOPPED", "STOPPED"), ("FATAL", "STOPPED"),
    ("EXITED", "STOPPED"),
    ("absent", "absent")])
def test_what_the_program_was(state: str, was: str) -> None:
    for step in (supervised.restart(SERVICE, facts(program=Program(state=state, pid=5))),
                 supervised.stop(SERVICE, facts(program=Program(state=state, pid=5)))):
        assert step.undo and (step.undo.args["was"], step.undo.args["pid"]) == (was, 5)
        assert step.do.args["patience"] > 7


def test_what_runs_may_take_as_long_to_stop_and_to_start_again_as_it_was_given() -> None:
    by_hand = "[program:monitor]\nstopwaitsecs = 600 ; drains\nstartsecs=200\n"
    step = supervised.restart(SERVICE, facts(program_file=by_hand))
    assert step.undo and step.do.args["patience"] == step.undo.args["patience"] > 600
    assert step.undo.args["startsecs"] == 200


def test_verify_and_health() -> None:
    assert supervised.verify(SERVICE).do.args["startsecs"] == 3
    assert supervised.health(SERVICE) == []
    checked = replace(SERVICE, health=Health(tcp="x:1", timeout=4))
    (step,) = supervised.health(checked)
    assert step.do.args["health"]["tcp"] == "x:1" and step.do.args["variables"] == {"X": "1", "RUN_MODE": "prod"}
    assert [one.name for one in supervised.restart_steps(checked, facts())] == ["restart", "verify", "health"]


def test_a_record_says_what_a_way_back_needs() -> None:
    record = plan(facts()).record
    assert {key: record[key] for key in ("revision", "branch", "from", "to", "was_running", "build", "variables")} == {
        "revision": "main", "branch": "main", "from": A, "to": B, "was_running": True, "build": ["make"],
        "variables": {"X": "1", "RUN_MODE": "prod"}}
    assert record["program_sha256"] == facts().committed["program_sha256"]


def test_a_plan_is_plain_json() -> None:
    import json

    message = plan(BLANK).message()
    sent = json.loads(json.dumps(message, default=reveal))
    assert sent["steps"][3]["args"].pop("env_file") == reveal(message["steps"][3]["args"].pop("env_file"))
    assert sent == message
    assert set(message["steps"][0]) == {"name", "phase", "action", "args", "undo", "undo_last"}


def test_the_same_version_keeps_what_is_known_of_it() -> None:
    kept = planner.same_version(facts(), supervised.restart_steps(SERVICE, facts()))
    assert (kept.was, kept.tried, kept.record["build"], kept.record["to"]) == (A, A, ["make old"], A)
    assert planner.same_version(facts(committed={"to": B, "build": ["x"]}), []).record.get("build") is None


# --- hooks and phases ---

HOOKED = replace(
    SERVICE, environment="production", host="web1", secrets=("T",), secret_values={"T": Secret("x")},
    hooks={"before_activate": (Hook(run=("migrate", "seed"), once=True), Hook(run=("warm",))),
           "after_activate": (Hook(run=("notify",), once=True),)})


def test_hooks_are_steps_of_phases_of_their_own() -> None:
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


@pytest.mark.parametrize(("found", "force", "once"), [
    ([BLANK, BLANK, BLANK], False, "web1"), ([facts(B), facts(), facts()], False, "web2"),
    ([facts(B), facts(B), facts(B)], False, None), ([facts(B), facts(B), facts(B)], True, "web1"),
    ([facts(B, program=STOPPED, started_from=None), BLANK, BLANK], False, "web2")])
def test_once_a_deploy(found: list[Facts], force: bool, once: str | None) -> None:
    """On the lowest-named host on which a version changes."""
    plain = replace(HOOKED, secrets=(), secret_values={})
    targets = tuple(Target(host=replace(HOST, name=f"web{number}"), service=plain) for number in (3, 1, 2))
    known = {(f"web{number}", "monitor"): one for number, one in enumerate(found, 1)}
    plans = planner.deploy_planner(recipe, force=force)(targets, known, {"monitor": GOAL})
    assert [host for (host, _), made in sorted(plans.items()) if "after_activate" in names(made)] == (
        [once] if once else [])


@pytest.mark.parametrize(("service", "steps"), [
    (SERVICE, ["prepare", "activate"]), (HOOKED, ["prepare", "before", "activate", "after"]),
    (None, ["activate"])], ids=["no hooks", "hooks", "restart"])
@pytest.mark.parametrize("hosts", [1, 2])
def test_a_lone_host_is_told_all_phases_in_advance(service: Service | None, steps: list[str], hosts: int) -> None:
    """The others one after the other; a phase without steps is none."""
    from tasks.rollout.coordinator import Coordinator
    from tasks.rollout.deployment import Deployment
    from tasks.rollout.fleet import Fleet

    order = Deployment(deploy="d", command="deploy", by="ann", since="now", environment="test")
    targets = tuple(replace(TARGET, host=replace(HOST, name=f"web{number}")) for number in range(hosts))
    coordinator = Coordinator(order, Fleet(targets), Silent())
    heard: list[Any] = []
    for one in coordinator.peers:
        made = recipe(service, facts(), GOAL) if service else supervised.restart_steps(SERVICE, facts())
        one.plans = {"monitor": Plan(was=A, tried=B, steps=tuple(made))}
        one.send = lambda message, name=one.name: heard.append(  # type: ignore[method-assign,misc]
            (name, message.get("phases", message["do"])))
    coordinator.conversation.agree = lambda phase, peers: heard.append(phase)  # type: ignore[method-assign]
    coordinator._agree()
    if hosts == 1:
        assert heard == [("web0", steps), *steps, ("web0", "commit")]
    else:
        assert heard == [each for phase in steps for each in (("web0", [phase]), ("web1", [phase]), phase)] + [
            ("web0", "commit"), ("web1", "commit")]


class Silent:
    def on(self, event: Any) -> None: ...

    def close(self) -> None: ...


# --- the strategies ---


RELEASED = replace(SERVICE, strategy="releases", shared=("etc/a.cfg",), keep_releases=3)
BUILT = releases.digest(RELEASED)


def released(*names: str, current: str = A, commit: str = A, **more: Any) -> Facts:
    """A host on which these releases were built as RELEASED says."""
    found = [Release(name=name, digest=BUILT, in_use=name == current) for name in names]
    standing = CloneState(commit=None, branch="main", edited=[])
    return facts(commit, **{"strategy": "releases", "current": current, "releases": found, "standing": standing,
                            **more})


def test_every_strategy_can_be_written_down() -> None:
    assert set(STRATEGIES) == set(get_args(schema.Strategy))


def test_a_release_is_built_beside_and_switched_to() -> None:
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
def test_which_release_it_becomes(found: Facts, goal_: goal.Goal, name: str) -> None:
    assert releases.release(RELEASED, found, goal_) == name


@pytest.mark.parametrize("change", [{"build": ("make all",)}, {"variables": {"X": "2"}}, {"run_mode": "x"},
                                    {"shared": ()}])
def test_what_makes_two_builds_of_one_commit_differ(change: dict[str, Any]) -> None:
    assert releases.digest(replace(RELEASED, **change)) != BUILT
    assert releases.digest(replace(RELEASED, keep_releases=9, command="x", program={})) == BUILT


def test_on_the_way_to_in_place_the_clone_goes_back_to_what_it_stood_on() -> None:
    standing = CloneState(commit=C, branch="main", edited=[" M x"])
    steps = {step.name: step for step in recipe(SERVICE, released(A, standing=standing), replace(GOAL, set_aside=True))}
    undo = steps["checkout"].undo
    assert undo and undo.args == {"commit": C, "branch": "main", "set_aside": True}
    assert steps["build"].undo is None, "nothing runs there"
    assert "switch" not in steps


@pytest.mark.parametrize(("service", "found", "tidy"), [
    (SERVICE, facts(), None), (SERVICE, released(A), {"keep": 0}), (SERVICE, facts(current=A), {"keep": 0}),
    (RELEASED, facts(), {"keep": 3})])
def test_what_is_tidied_up_after_the_commit(service: Service, found: Facts, tidy: dict[str, int] | None) -> None:
    made = STRATEGIES[service.strategy].tidy(service, found)
    assert (made.args if made else None) == tidy
    message = replace(plan(found), tidy=made).message()
    assert message["tidy"] == (made and {"action": "tidy_releases", "args": tidy})


# --- how it ended ---

CODES = (3, 130, 143, 2, 75, 1, 0)


@pytest.mark.parametrize("codes", list(itertools.combinations(CODES, 2)))
def test_which_exit_code_counts(codes: tuple[int, int]) -> None:
    """3, then 130/143, 2, 75, 1 (design, section 4)."""
    assert results.worst(list(codes)) == results.worst(list(reversed(codes))) == codes[0]
    assert results.worst([]) == 0


def peer(name: str = "web1", **fields: Any) -> Peer:
    made = Peer(replace(HOST, name=name), [replace(TARGET, host=replace(HOST, name=name))])
    made.facts = {"monitor": facts()}
    made.plans = {"monitor": plan(facts())}
    for field, value in fields.items():
        setattr(made, field, value)
    return made


LOST = errors.Failed("web2: the connection was lost", "look")
DONE: dict[str, Any] = {"planned": True, "ending": "committed", "now": {"monitor": B}}
BACK: dict[str, Any] = {"planned": True, "ending": "restored", "now": {"monitor": A}, "why": "another host failed"}
NOTHING: dict[str, Any] = {"plans": {"monitor": plan(facts(B))}}


@pytest.mark.parametrize(("fields", "code", "outcome", "ends"), [
    ([DONE, DONE], 0, "committed", 0), ([DONE, NOTHING], 0, "committed", 0), ([NOTHING, NOTHING], 0, "unchanged", 0),
    ([BACK, BACK], 1, "restored", 1), ([DONE, BACK], 1, "mixed", 3),
    ([DONE, {"planned": True, "error": LOST}], 1, "unknown", 3),
    ([BACK, {"planned": True, "error": LOST}], 130, "unknown", 3),
    ([{"plans": {}, "error": errors.Unreachable("web1: no route", "try again")}, {"plans": {}}], 75, "unreachable", 75),
    ([{"plans": {}}, {"plans": {}}], 2, "refused", 2)])
def test_the_end_of_all(fields: list[dict[str, Any]], code: int, outcome: str, ends: int) -> None:
    peers = [peer(f"web{number}", **one) for number, one in enumerate(fields, 1)]
    finished = results.finished("deploy", peers, {}, "why", code)
    assert (finished.outcome, finished.exit_code) == (outcome, ends)
    assert list(finished.hosts) == ["web1", "web2"]


def test_was_tried_now() -> None:
    def of(**fields: Any) -> Result:
        finished = results.finished("deploy", [peer(**fields)], {"monitor": C}, "somebody else failed", 1)
        return finished.hosts["web1"]["monitor"]

    assert of(**DONE) == Result(was=A, tried=B, now=B, outcome="committed")
    assert of(**BACK) == Result(was=A, tried=B, now=A, outcome="restored", why="another host failed")
    unknown = of(planned=True, error=LOST)
    assert (unknown.outcome, unknown.now) == ("unknown", None)
    refused = of(plans={}, facts={})
    assert (refused.was, refused.tried, refused.outcome, refused.why) == (None, C, "refused", "somebody else failed")


# --- at most ten fetch at once ---


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
def test_never_more_than_ten(over: dict[str, Any]) -> None:
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


def test_a_host_is_out_once_all_its_services_are_fetched() -> None:
    gate, first, second = FetchLimit(1), Fetcher(1), Fetcher(2)
    gate.enter(first, fetching("ab"))               # type: ignore[arg-type]
    gate.enter(second, fetching())                  # type: ignore[arg-type]
    gate.hear(first, fetched("a"))                  # type: ignore[arg-type]
    assert second.told == 0
    gate.hear(first, fetched("b"))                  # type: ignore[arg-type]
    assert second.told == 1


def test_nobody_enters_a_gate_that_is_shut() -> None:
    gate, first, second = FetchLimit(1), Fetcher(1), Fetcher(2)
    gate.enter(first, fetching())                   # type: ignore[arg-type]
    gate.enter(second, fetching())                  # type: ignore[arg-type]
    gate.shut()
    gate.hear(first, fetched())                     # type: ignore[arg-type]
    assert (second.told, second.planned) == (0, False)


# --- where a rollback leads ---


def history(*moves: str) -> list[dict[str, Any]]:
    """`A` is a deploy of A, `<A` a rollback to it, `-A` a deploy that was undone, `=A` a restart of it."""
    lines: list[dict[str, Any]] = []
    now = None
    for move in moves:
        to = move[-1]
        command = {"<": "rollback", "=": "restart"}.get(move[0], "deploy")
        result = "restored" if move[0] == "-" else "committed"
        lines.append({"command": command, "result": result, "from": now, "to": to, "was_running": now is not None,
                      "branch": "main"})
        now = now if result == "restored" else to
    return lines


@pytest.mark.parametrize(("moves", "leads_to"), [
    ("", None), ("A", None), ("A B", "A"), ("A B C", "B"), ("A B C <B", "A"), ("A B C <B <A", None), ("A B <A C", "A"),
    ("A B <A C <A", None), ("A -B", None), ("A B -C", "A"), ("A A B", "A"), ("A B B", "A"), ("A B =B", "A"),
    ("A B A", "B"), ("A B C A D", "A"), ("A B C A D <A", "C"), ("A B C A D <A <C", "B"), ("A B <C", "B"),
    ("A B C <A", None), ("A B C <A D", "A"), ("-A", None)])
def test_where_a_rollback_leads(moves: str, leads_to: str | None) -> None:
    lines = history(*moves.split())
    now = next((line["to"] for line in reversed(lines) if line["result"] == "committed"), None)
    assert rollback.previous(lines, now) == leads_to


def test_what_ran_before_the_first_deploy_can_be_gone_back_to() -> None:
    first = {"command": "deploy", "result": "committed", "from": A, "to": B, "was_running": True}
    assert rollback.previous([first], B) == A
    assert rollback.previous([dict(first, was_running=False)], B) is None


def test_somebody_checked_out_another_commit_by_hand() -> None:
    assert rollback.previous(history("A", "B"), "X") == "B"


# --- what is odd ---


DEPLOYED = [{"at": "2026-01-01T10:00:00Z"}]
AT_TEN = 1767261600                         # the same, in seconds since 1970


def young(start: int, now: int) -> Program:
    return Program(state="RUNNING", pid=9, start=start, now=now)


@pytest.mark.parametrize(("found", "words"), [
    (facts(), []), (BLANK, ["not deployed yet: fab deploy monitor"]),
    (facts(edited=[" M x"]), ["edited files: M x; commit them elsewhere, or fab deploy monitor --set-aside"]),
    (facts(program=STOPPED, started_from=None), ["not running: STOPPED: fab start monitor"]),
    (facts(program=Program(state="FATAL", why="too quick"), started_from=None, words=["no disk", "bye"]),
     ["FATAL: it does not stay up, and supervisord has given up (too quick): put it right, then fab start monitor\n"
      "| no disk\n| bye"]),
    (facts(program=Program(state="BACKOFF", why="too quick"), started_from=None), ["crash-looping"]),
    (facts(program=Program(state="EXITED", why="Jan 1"), started_from=None), ["has ended (Jan 1): fab start monitor"]),
    (facts(program=Program(state="absent"), started_from=None), ["does not know it: fab deploy monitor --force"]),
    (facts(program=Program(state="UNKNOWN", why="down", hint="up!"), started_from=None), ["UNKNOWN (down); up!"]),
    (facts(clone=False, commit=None, started_from=None), ["/r/d is no clone: fab deploy monitor"]),
    (facts(started_from=B), ["runs bbbbbbbb, on disk is aaaaaaaa: fab deploy monitor, or fab restart monitor"]),
    (facts(due=["d1"], due_by=["ann"]), ["deploy d1 by ann was interrupted and is to be undone: fab recover monitor"]),
    (facts(due=["d1"], holder={"command": "deploy", "by": "ann", "since": "now"}),
     ["deploy in progress by ann since now"]),
    (facts(holder={"command": "deploy", "by": "ann", "since": "now", "restoring": True}), ["deploy going back by ann"]),
    (facts(elsewhere=["/etc/s.conf", 7]), ["/etc/s.conf:7: move that section to /r/conf.d"]),
    (facts(program_file="x"), ["changed by hand: /r/conf.d"]),
    (facts(program_file="x", unloaded=True), ["changed by hand, and supervisord has not loaded it: /r/conf.d"]),
    (facts(program_file=None), ["is missing: fab deploy monitor"]),
    (facts(program=young(AT_TEN + 2, AT_TEN + 9), history=DEPLOYED), []),
    (facts(program=young(AT_TEN + 300, AT_TEN + 309), history=DEPLOYED), ["started again a moment ago, not by fab"]),
    (facts(program=young(AT_TEN + 300, AT_TEN + 400), history=DEPLOYED), []),
    (facts(program=young(AT_TEN + 300, AT_TEN + 309)), []),
    (facts(current=B), ["points to a release that is not there: bbbbbbbb"]),
    (facts(edited=[" M x"], due=["d"]), ["edited files", "fab recover"])])
def test_oddities(found: Facts, words: list[str]) -> None:
    told = oddities.oddities("monitor", found)
    assert len(told) == len(words), told
    for one, word in zip(told, words, strict=True):
        assert word in one


def test_hosts_that_disagree() -> None:
    commits = {"web1": A, "web2": B, "web3": None}
    assert oddities.disagreement("monitor", "web1", commits) == []
    (told,) = oddities.disagreement("monitor", "web2", commits)
    assert told == "another commit than on web1 (aaaaaaaa): fab deploy monitor"


def test_a_host_that_was_never_heard_of_is_a_row() -> None:
    silent = errors.Unreachable("web2: no route", "try again")
    lost = peer("web2", error=silent, facts={})
    first, second = status.rows("test", [peer("web1"), lost])
    assert (first.state, first.oddities) == ("RUNNING", [])
    assert second.state == "unreachable" and second.oddities == ["no route: try again"]
    again = peer("web2", facts={})
    again.before = silent
    assert status.rows("test", [again])[0].oddities == ["no route: try again"], "while it is tried again"


# --- asking how it ended ---


@pytest.mark.parametrize(("answers", "ending", "why"), [
    ([("committed", False, False)], "committed", ""), ([("committed", False, True)], "committed", ""),
    ([("committed", False, True), (None, False, True)], "committed", ""),
    ([("restored", False, False)], "restored", "lost"), ([(None, False, False)], "restored", "lost"),
    ([(None, True, True)], "", "still going back"), ([(None, False, True)], "", "due"), ([], "", "did not say")])
def test_what_a_host_that_is_asked_says(
        monkeypatch: pytest.MonkeyPatch, answers: list[tuple[Any, bool, bool]], ending: str, why: str) -> None:
    from tasks.rollout import outcome_query

    told = [{"service": "monitor", "result": result, "busy": busy, "due": due, "now": B}
            for result, busy, due in answers]
    monkeypatch.setattr(outcome_query, "_answers", lambda *args: told)
    one = peer("web2", planned=True, error=LOST)
    outcome_query._ask(one, "d1")
    assert one.ending == ending and why in one.why
    assert (one.error is None) == (ending == "committed")       # nothing went wrong, then: exit 0
