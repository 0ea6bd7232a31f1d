"""The program of `_program` with all of Fabric: for its options, for a team's tasks, and for words about a mistake."""

from __future__ import annotations

from typing import Any, NoReturn

import fabric
from fabric.main import Fab
from invoke.exceptions import Exit

from . import remote, reports
from ._program import Program, Settings


class FabricConfig(Settings, fabric.Config):  # type: ignore[misc]
    @staticmethod
    def global_defaults() -> dict[str, Any]:
        return remote.fabric_config.defaults()


class FabricProgram(Program, Fab):  # type: ignore[misc]
    """A wrong value of Fabric's own options is a line of text, too."""

    def __init__(self) -> None:
        super().__init__(executor_class=fabric.Executor, config_class=FabricConfig)

    def refuse(self, words: str) -> NoReturn:
        raise Exit(reports.stream.fitted(words), code=2) from None

    def take_tasks(self, tasks: list[Any]) -> None:
        """Fabric runs them all."""
