"""The shape of hosts.yaml, as it is written: what may stand where, and of which type.

What a value may say is judged in `values`, what fits together in `checks` and `merged`.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, json

Text = str | UnsetType
Duration = int | float | str | UnsetType        # seconds, or 30s, 30m, 1h
Variables = dict[str, str | int] | UnsetType
Strategy = Literal["in_place", "releases"]      # tasks/rollout/strategies
Program = dict[str, str | int | bool] | UnsetType


class Settings(Struct, kw_only=True, forbid_unknown_fields=True):
    """Of a host: in defaults, an environment or the host; the last one wins."""

    user: Text = UNSET
    port: int | UnsetType = UNSET
    root: Text = UNSET
    supervisord_conf: Text = UNSET
    program_dir: Text = UNSET
    python: Text = UNSET
    address: Text = UNSET
    gateway: Text = UNSET
    identity_file: Text = UNSET
    connect_timeout: Duration = UNSET
    lease: Duration = UNSET
    variables: Variables = UNSET


class Health(Struct, kw_only=True, forbid_unknown_fields=True):
    http: Text = UNSET
    tcp: Text = UNSET
    command: Text = UNSET
    timeout: Duration = UNSET


class Hook(Struct, kw_only=True, forbid_unknown_fields=True):
    run: str | list[str]
    once: bool = False


class Hooks(Struct, kw_only=True, forbid_unknown_fields=True):
    before_activate: str | list[str | Hook] | Hook | UnsetType = UNSET
    after_activate: str | list[str | Hook] | Hook | UnsetType = UNSET


class Overrides(Struct, kw_only=True, forbid_unknown_fields=True):
    """A service as an environment changes it."""

    repo: Text = UNSET
    directory: Text = UNSET
    build: str | list[str] | UnsetType = UNSET
    build_timeout: Duration = UNSET
    command: Text = UNSET
    program: Program = UNSET
    strategy: Strategy | UnsetType = UNSET
    shared: list[str] | UnsetType = UNSET
    keep_releases: int | UnsetType = UNSET
    health: Health | UnsetType = UNSET
    requires: list[str] | UnsetType = UNSET
    variables: Variables = UNSET
    secrets: list[str] | UnsetType = UNSET
    hooks: Hooks | UnsetType = UNSET


class Service(Overrides, kw_only=True, forbid_unknown_fields=True):
    repo: str
    command: str


class Environment(Settings, kw_only=True, forbid_unknown_fields=True):
    branch: Text = UNSET
    run_mode: Text = UNSET
    url: Text = UNSET
    services: list[str] | dict[str, Overrides | None] | UnsetType = UNSET
    hosts: list[str] | dict[str, Settings | None] | UnsetType = UNSET
    confirm: bool = False
    sandbox: bool = False


class File(Struct, kw_only=True, forbid_unknown_fields=True):
    default_environment: Text = UNSET
    defaults: Settings | UnsetType = UNSET
    services: dict[str, Service]
    environments: dict[str, Environment]


def json_schema() -> dict[str, Any]:
    """For editors, and for telling every mistake at once."""
    return json.schema(File)
