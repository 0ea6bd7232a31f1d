"""The value of every setting, and the place where it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory import origins
from tasks.inventory.loading import Inventory
from tasks.inventory.origins import Setting
from tasks.inventory.secret import Secret

from .samples import inventory

TEXT = """\
defaults:
  root: /srv/app
  variables: {A: defaults, B: defaults, C: defaults, D: defaults, E: defaults}
services:
  api:
    repo: r
    command: ./api
    build: [make, make check]
    program: {startsecs: 2, autorestart: false}
    health: {http: "http://x/${E}", timeout: 5}
    variables:
      B: service
      C: service
    secrets: [TOKEN, DB]
    hooks: {before_activate: {run: migrate}}
environments:
  develop:
    branch: develop
    hosts: [dev1]
    services: [api]
  production:
    branch: main
    run_mode: prod
    lease: 60
    variables: {C: environment, D: environment}
    services:
      api:
        health: {tcp: "x:1"}
        variables: {D: override}
        build: make all
        hooks: {before_activate: {once: true, run: move}}
    hosts:
      web1:
      web2: {port: 2222, lease: 5, variables: {E: host}}
"""


@pytest.fixture
def written(tmp_path: Path) -> Inventory:
    return inventory(tmp_path, TEXT)


def settings(written: Inventory, environment: str, *hosts: str, **secrets: str) -> list[Setting]:
    found = {name: (Secret(name), source) for name, source in secrets.items()}
    return origins.of_service(written, environment, "api", list(hosts), dict.fromkeys(hosts, found))


def lines(found: list[Setting]) -> dict[str, tuple[object, object]]:
    """By key (and host, where they do not agree): value, and line or word."""
    return {one.key + (f"@{one.host}" if one.host else ""): (
        one.value, int(one.source.rpartition(":")[2]) if "hosts.yaml:" in one.source else one.source) for one in found}


def test_origin_is_the_last_layer_that_sets_a_value(written: Inventory) -> None:
    found = lines(settings(written, "production", "web1", "web2", DB=".secrets/production.env:7"))
    expected = {
        "branch": ("main", 22), "run_mode": ("prod", 23), "repo": ("r", 6), "directory": ("micro/api", "default"),
        "build": ("make all", 30), "command": ("./api", 7), "build_timeout": (1800, "default"),
        "fetch_timeout": (600, "default"),
        "strategy": ("in_place", "default"), "program.startsecs": (2, 9), "program.autorestart": (False, 9),
        "program.stdout_logfile_maxbytes": ("20MB", "default"), "health.tcp": ("x:1", 28), "health.timeout": (5, 10),
        "hooks.before_activate": ({"run": "move", "once": True}, 31),
        "variables.A": ("defaults", 3), "variables.B": ("service", 12), "variables.C": ("environment", 25),
        "variables.D": ("override", 29), "variables.E@web1": ("defaults", 3), "variables.E@web2": ("host", 34),
        "secrets.TOKEN": (None, "missing"), "secrets.DB": ("***", ".secrets/production.env:7"),
        "root": ("/srv/app", 2), "python": ("python3", "default"), "port@web2": (2222, 34),
        "lease@web1": (60, 24), "lease@web2": (5, 34),
    }
    assert {key: found.get(key) for key in expected} == expected
    assert not {"health.http", "port", "port@web1", "lease", "variables", "user"} & set(found)


def test_every_key_of_a_service_has_an_origin(written: Inventory) -> None:
    """Every setting can be shown."""
    from tasks.inventory.document import schema

    keys = {one.key.partition(".")[0] for one in settings(written, "production", "web2")}
    unset = {"programs", "numprocs", "files", "requires", "shared", "shared_directory", "ship", "subdirectory",
             "socket", "reload", "user", "address", "gateway", "identity_file", "supervisord"}
    assert keys | unset == set(schema.Overrides.__struct_fields__) | set(schema.Settings.__struct_fields__) | {
        "branch", "run_mode"}


def test_differing_keeps_only_settings_that_differ(written: Inventory) -> None:
    sides = settings(written, "develop", "dev1", TOKEN="environment"), settings(written, "production", "web1", "web2")
    found = origins.differing(*sides)
    assert {one.key for one in found} == {
        "branch", "run_mode", "build", "health.http", "health.tcp", "hooks.before_activate", "variables.C",
        "variables.D", "variables.E", "secrets.TOKEN", "port", "lease"}
    shown = [(one.environment, one.host, one.value) for one in found if one.key in ("lease", "health.tcp")]
    assert shown == [("develop", None, 30), ("production", "web1", 60), ("production", "web2", 5),
                     ("develop", None, None), ("production", None, "x:1")]
    assert next(one.source for one in found if one.key == "health.tcp") == "not set"
    assert origins.differing(sides[0], sides[0]) == []
