"""The host that is examined, and what a check finds there."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

from ..errors import HostError
from ..layout import Layout
from ..protocol import CheckOutcome, ServiceFacts, ServiceSettings
from ..supervisor.supervisord import Supervisord
from ..supervisor.supervisord_conf import Configuration
from ..system.shell import Check


class Finding(NamedTuple):
    """`outcome`: ok, warning or failed; `remedy`: the next thing to type, empty where all is well."""

    outcome: CheckOutcome
    message: str
    remedy: str = ""


def ok(message: str) -> Finding:
    return Finding("ok", message)


def warning(message: str, remedy: str) -> Finding:
    return Finding("warning", message, remedy)


def failed(message: str, remedy: str) -> Finding:
    return Finding("failed", message, remedy)


class ExaminedHost:
    """`settings`: DoctorSettings; `env`: the environment of the login; `check` raises when the time is over.

    `facts`: by service, as far as a check has looked for them.
    """

    def __init__(self, settings: dict[str, Any], layout: Layout, env: dict[str, str], check: Check) -> None:
        self.settings = settings
        self.layout = layout
        self.env = env
        self.check = check
        self.services: list[ServiceSettings] = settings["services"]
        self.facts: dict[str, ServiceFacts] = {}

    @cached_property
    def conf(self) -> Configuration:
        """Raises NotReady where it cannot be read."""
        return self.layout.access.configuration()

    @cached_property
    def supervisord(self) -> Supervisord:
        return Supervisord(self.layout.access, self.check)

    def pids(self, service: str) -> list[int]:
        """Of the processes of that service that run; [] where supervisord does not answer."""
        groups = [program["group"] for each in self.services if each["name"] == service for program in each["programs"]]
        try:
            return [info["pid"] for info in self.supervisord.processes(*groups) if info["pid"]]
        except HostError:
            return []
