"""fab deploy: the whole thing, and `recipe`: what happens on one host."""

from __future__ import annotations

from collections.abc import Callable

from . import inventory, rollout
from ._command import command
from ._commit_origin import Origin
from ._confirmation import confirmation
from ._context import Command
from ._notify import notify
from ._options import ARTIFACT, ROLLOUT, RolloutOptions, check_revision, seconds


@command(
    positional=["service"],
    help={
        **ROLLOUT,
        "service": "a name, a comma list, or `all`; several are one deploy: all or none",
        "revision": "a commit, branch or tag, or . for this folder's commit; the environment's branch unless given",
        "artifact": ARTIFACT,
        "force": "deploy though nothing changed, or though another process holds the port in PORT",
    },
)
def deploy(run: Command, service: str, revision: str = "", artifact: str = "", *, options: RolloutOptions
           ) -> rollout.events.Finished:
    """Deploy services: fetch, checkout, build on every host; then restart, verify; or go back.

    Example: fab deploy monitor --env production --revision v1.2
    """
    if revision:
        check_revision("revision", revision)
    return roll_out(run, options, lambda environment: run.origin(environment, service, revision, options.fetch,
                                                               artifact),
                    lambda: rollout.plan.planner.deploy_planner(recipe, force=options.force,
                                                                set_aside=options.set_aside))


def roll_out(run: Command, options: RolloutOptions, find_origin: Callable[[inventory.model.Environment], Origin],
             make_planner: Callable[[], rollout.goal.Planner]) -> rollout.events.Finished:
    """Bring commits to the hosts: from where `find_origin` says, which may refuse it. `make_planner` imports much: it
    is called while hosts are being connected."""
    run.write_reports(junit=options.junit, dotenv=options.dotenv)
    notify(run)
    wait = seconds("wait", options.wait)
    serial = run.serial(options.serial)
    origin, confirm = run.choose(lambda environment: (find_origin(environment), confirmation(run, options.yes)))
    fleet = run.fleet(origin.targets, confirm)
    coordinator = rollout.transaction.coordinator.Coordinator(
        run.deployment(origin.targets, origin.revisions, "replace", serial, needs_ports=not options.force), fleet,
        run.report, make_planner(), wait=wait, sources=run.sources(origin, options.force))
    return coordinator.roll_out(confirm)


def recipe(service: inventory.model.Service, facts: rollout.facts.Facts, goal: rollout.goal.Goal
           ) -> list[rollout.steps.Step]:
    """Everything a deploy does on one host for one service, in order. The names are what users see."""
    hooks = rollout.recipe.hooks
    supervised = rollout.recipe.supervised
    strategy = rollout.recipe.strategy_of(service)
    return [
        strategy.fetch(service, facts, goal),
        strategy.checkout(service, facts, goal),
        *strategy.files(service, facts, goal),
        *strategy.build(service, facts, goal),
        *hooks.before_activate(service, facts, goal),
        *hooks.drain(service, facts, goal),
        supervised.program(service, facts),
        *strategy.switch(service, facts, goal),
        supervised.replace(service, facts, goal.commit),
        supervised.verify(service),
        *supervised.health(service, goal.commit),
        *hooks.undrain(service, facts, goal),
        *hooks.after_activate(service, facts, goal),
    ]
