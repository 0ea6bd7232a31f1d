"""Strategies: where a version is built, and how the program comes to run in it. A new one is a module and a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from . import in_place, releases

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts
    from ..goal import Goal
    from ..steps import Action, Step


class Strategy(Protocol):
    """What a strategy's module has. Steps in, values out; nothing of it knows another strategy."""

    TAKES_OTHER_RELEASES: bool          # whether it goes on from a release that another tool made

    def fetch(self, service: Service, facts: Facts, goal: Goal) -> Step: ...

    def checkout(self, service: Service, facts: Facts, goal: Goal) -> Step: ...

    def files(self, service: Service, facts: Facts, goal: Goal) -> list[Step]:
        """Place the `files` of hosts.yaml: they are there when the build runs."""
        ...

    def build(self, service: Service, facts: Facts, goal: Goal) -> list[Step]: ...

    def switch(self, service: Service, facts: Facts, goal: Goal) -> list[Step]: ...

    def built_in(self, service: Service, facts: Facts, goal: Goal) -> str:
        """The folder of the new version: absolute. Its hooks run there, or in its `subdirectory`."""
        ...

    def directory(self, facts: Facts) -> str:
        """The folder of the version that runs: absolute, and the same for every version. The program runs there, or in
        its `subdirectory`."""
        ...

    def tidy(self, service: Service, facts: Facts) -> Action | None:
        """The steps after the commit: they remove what nobody needs any more; best effort."""
        ...


STRATEGIES: dict[str, Strategy] = {"in_place": in_place, "releases": releases}


def strategy_of(service: Service) -> Strategy:
    return STRATEGIES[service.strategy]
