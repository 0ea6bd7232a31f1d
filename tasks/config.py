"""fab config: the effective settings, and where each comes from; config.schema: what hosts.yaml may say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.collection import Collection

from ._command import Command, command

if TYPE_CHECKING:
    from .inventory.origins import Setting
    from .rollout.events import Finished


@command(name="config.schema")
def schema(run: Command) -> Finished:
    """Print the JSON schema of hosts.yaml, by which editors complete, explain and check it.

    Example: fab config.schema >docs/hosts.schema.json
    """
    import json

    from .inventory.schema import json_schema
    from .rollout.events import Document, Finished

    run.report.on(Document(text=json.dumps(json_schema(), indent=1) + "\n"))
    return Finished(command=run.name, outcome="unchanged", exit_code=0)


@command(
    positional=["service"],
    help={"service": "a name, a comma list, or `all`", "diff": "another environment: show only what differs there"},
)
def config(run: Command, service: str, diff: str = "") -> Finished:
    """Show the effective settings, each with the line it comes from; contacts no host.

    Example: fab config monitor --env develop --diff production
    """
    from msgspec.structs import asdict

    from .inventory import origins
    from .rollout import events

    settings = _settings(run, run.environment_name, service)
    if diff:
        settings = origins.differing(settings, _settings(run, diff, service))
    for setting in settings:
        run.report.on(events.Setting(**asdict(setting)))
    if not settings:
        run.report.on(events.Notice(message=f"nothing differs between {run.environment_name} and {diff}"))
    return events.Finished(command=run.name, outcome="unchanged", exit_code=0)


def _settings(run: Command, environment: str, services: str) -> list[Setting]:
    from .inventory import origins, secret_sources, selection

    inventory = run.described(environment)
    targets = selection.select(inventory.environment(environment), services, run.options["host"] or None)
    settings: list[Setting] = []
    for name in sorted({target.service.name for target in targets}):
        of_service = [target for target in targets if target.service.name == name]
        secret_names = of_service[0].service.secrets
        secrets = secret_sources.find(secret_names, environment, inventory.folder, os.environ) if secret_names else {}
        hosts = [target.host.name for target in of_service]
        settings += origins.of_service(inventory, environment, name, hosts, secrets)
    return settings


def configs() -> Collection:
    """`config` shows the effective settings, `config.schema` the possible ones."""
    collection = Collection("config", schema)
    collection.add_task(config, name="show", default=True)
    return collection
