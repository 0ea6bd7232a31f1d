"""A service, a host, and what may stand on it: values for the tests of planning."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tasks import _errors as errors
from tasks.deploy import recipe
from tasks.inventory.model import Hook, Host, Target
from tasks.inventory.secret import Secret
from tasks.program import files
from tasks.rollout import goal
from tasks.rollout.facts import CloneState, Facts, Process, Release
from tasks.rollout.peers.peer import Peer
from tasks.rollout.plan import planner
from tasks.rollout.recipe import releases, supervised
from tasks.rollout.steps import Plan
from tests.support.services import one_program

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
SERVICE = one_program("monitor", "./monitor", build=("make",), build_timeout=60, variables={"X": "1"},
                      program={"startsecs": "3", "stopwaitsecs": "7"})
HOST = Host(name="web1", root="/r")
TARGET = Target(host=HOST, service=SERVICE)
GOAL = goal.Goal(commit=B, revision="main", branch="main")
BLANK = Facts(
    directory="/r/d", directory_exists=False, clone=False, foreign=False, commit=None, branch=None, edited=[],
    program_file=None, program_path="/r/conf.d/monitor.conf", env_path="/r/.fabvisor/monitor/env", env_sha256=None,
    programs={}, started_from=None, committed={}, history=[], logs="/r/d/logs")


class Silent:
    """A screen on which nothing is shown."""

    gone = False

    def on(self, event: Any) -> None: ...

    def close(self) -> None: ...


def process(state: str, **fields: Any) -> dict[str, list[Process]]:
    """The only process of the only program."""
    return {"monitor": [Process(name="monitor", state=state, **fields)]}


STOPPED = process("STOPPED")


def facts(commit: str = A, **more: Any) -> Facts:
    """A host on which `commit` is deployed and runs."""
    there = replace(BLANK, clone=True, directory_exists=True, commit=commit)
    text = files.program_file(SERVICE, supervised.paths(SERVICE, there))
    return replace(there, **{
        "program_file": text, "env_sha256": files.env_file(SERVICE).sha256(), "started_from": commit,
        "programs": process("RUNNING", pid=7, start=1, now=2),
        "committed": {"to": commit, "build": ["make old"], "variables": {"X": "old"},
                      "program_sha256": files.digest(text)}, **more})


def plan(found: Facts, **options: Any) -> Plan:
    key = goal.key(TARGET)
    return planner.deploy_planner(recipe, **options)((TARGET,), {key: found}, {"monitor": GOAL})[key]


def names(found: Plan) -> list[str]:
    return [step.name for step in found.steps]


HOOKED = replace(
    SERVICE, environment="production", host="web1", secrets=("T",), secret_values={"T": Secret("x")},
    hooks={"before_activate": (Hook(run=("migrate", "seed"), once=True), Hook(run=("warm",))),
           "after_activate": (Hook(run=("notify",), once=True),)})
RELEASED = replace(SERVICE, strategy="releases", shared=("etc/a.cfg",), keep_releases=3)
BUILT = releases.digest(RELEASED, GOAL)


def released(*names: str, current: str = A, commit: str = A, **more: Any) -> Facts:
    """A host on which these releases were built as RELEASED says."""
    found = [Release(name=name, digest=BUILT, in_use=name == current) for name in names]
    clone_state = CloneState(commit=None, branch="main", edited=[])
    return facts(commit, **{"strategy": "releases", "current": current, "releases": found, "clone_state": clone_state,
                            **more})


def peer(name: str = "web1", **fields: Any) -> Peer:
    made = Peer(replace(HOST, name=name), [replace(TARGET, host=replace(HOST, name=name))])
    made.facts = {"monitor": facts()}
    made.plans = {"monitor": plan(facts())}
    for field, value in fields.items():
        setattr(made, field, value)
    return made


LOST = errors.Failed("web2: the connection was lost", "look")
