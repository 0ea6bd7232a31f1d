"""fab config: the effective settings, and where each comes from; config.schema: what hosts.yaml may say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from invoke.collection import Collection

from . import inventory, rollout
from ._command import command
from ._context import Command

if TYPE_CHECKING:
    from .inventory.secret_sources import SecretValues


@command(name="config.schema", ignores=["env", "host", "inventory"])
def schema(run: Command) -> rollout.events.Finished:
    """Print the JSON schema of hosts.yaml, by which editors complete, explain and check it.

    Example: fab config.schema >docs/hosts.schema.json
    """
    run.report.on(rollout.events.Document(text=json.dumps(inventory.document.schema.json_schema(), indent=1) + "\n"))
    return run.done()


@command(
    positional=["service"],
    help={"service": "a name, a comma list, or `all`", "diff": "another environment: show only what differs there"},
)
def config(run: Command, service: str, diff: str = "") -> rollout.events.Finished:
    """Show the effective settings, each with the line it comes from; contacts no host.

    Example: fab config monitor --env develop --diff production
    """
    settings = _settings(run, run.environment_name, service)
    if diff:
        settings = inventory.origins.differing(settings, _settings(run, diff, service))
    for setting in settings:
        run.report.on(rollout.events.Setting(
            environment=setting.environment, host=setting.host, service=setting.service, key=setting.key,
            value=setting.value, source=setting.source))
    if not settings:
        run.report.on(rollout.events.Notice(message=f"nothing differs between {run.environment_name} and {diff}"))
    return run.done()


def _settings(run: Command, environment: str, services: str) -> list[inventory.origins.Setting]:
    described = run.described(environment)
    targets = inventory.selection.select(described.environment(environment), services, run.options["host"] or None)
    settings: list[inventory.origins.Setting] = []
    for name in sorted({target.service.name for target in targets}):
        of_service = [target for target in targets if target.service.name == name]
        secrets = {target.host.name: _secrets(run, environment, target.service) for target in of_service}
        settings += inventory.origins.of_service(described, environment, name, list(secrets), secrets)
    return settings


def _secrets(run: Command, environment: str, service: inventory.model.Service) -> SecretValues:
    names = service.names_of_secrets()
    return run.secret_sources(environment).find(service.name, names) if names else {}


def configs() -> Collection:
    """`config` shows the effective settings, `config.schema` the possible ones."""
    collection = Collection("config", schema)
    collection.add_task(config, name="show", default=True)
    return collection
