"""fab deploy: the whole thing, and `recipe`: what happens on one host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command

if TYPE_CHECKING:
    from .inventory.model import Service
    from .rollout.events import Finished
    from .rollout.facts import Facts
    from .rollout.goal import Goal
    from .rollout.steps import Step


@command(
    positional=["service"],
    help={
        "service": "a name, a comma list, or `all`; several are one deploy: all or none",
        "revision": "a commit, branch or tag, or . for this folder's commit; the environment's branch unless given",
        "fetch": "client: fab fetches, and sends hosts what they lack; host: each host; hosts.yaml's unless given",
        "force": "deploy though nothing changed",
        "set_aside": "stash files that were edited on the host, instead of refusing",
        "wait": "seconds to wait for a lock that somebody else holds",
        "yes": "do not ask, although the environment says `confirm: true`",
        "junit": "write a JUnit report to this file: a test case for each host and service",
        "dotenv": "write DEPLOY_URL and DEPLOY_REVISION to this file",
    },
)
def deploy(
    run: Command, service: str, revision: str = "", fetch: str = "", force: bool = False,
    set_aside: bool = False, wait: str = "0", yes: bool = False, junit: str = "", dotenv: str = "",
) -> Finished:
    """Deploy services: fetch, checkout, build on every host; then restart, verify; or go back.

    Example: fab deploy monitor --env production --revision v1.2
    """
    run.write_reports(junit=junit, dotenv=dotenv)
    wanted = run.revision("revision", revision) if revision else run.environment.branch
    timeout = run.seconds("wait", wait)
    targets = run.fetched_by(run.targets_with_secrets(service), fetch, wanted)
    confirm = run.agreement(yes)
    fleet = run.fleet(targets, confirm)
    from .rollout.coordinator import Coordinator
    from .rollout.planner import deploy_planner

    planner = deploy_planner(recipe, force=force, set_aside=set_aside)
    return Coordinator(run.deployment(targets, wanted, "replace"), fleet, run.report, planner, wait=timeout,
                       sources=run.sources(targets)).roll_out(confirm)


def recipe(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Everything a deploy does on one host for one service, in order. The names are what users see."""
    from .rollout.recipe import hooks, strategy_of, supervised

    strategy = strategy_of(service)
    return [
        strategy.fetch(service, facts, goal),
        strategy.checkout(service, facts, goal),
        *strategy.build(service, facts, goal),
        *hooks.before_activate(service, facts, goal),
        supervised.program(service, facts),
        *strategy.switch(service, facts, goal),
        supervised.restart(service, facts),
        supervised.verify(service),
        *supervised.health(service),
        *hooks.after_activate(service, facts, goal),
    ]
