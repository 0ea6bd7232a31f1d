"""The questions that a command asks before anything changes; without a terminal it refuses to go on."""

from __future__ import annotations

from collections.abc import Callable

from ._context import Command
from ._errors import Declined, SelectionError

Ask = Callable[[], None]                # raises Declined where nobody agrees


def confirmation(run: Command, yes: bool) -> Ask | None:
    """How to ask where `confirm` of the environment says so, unless `--yes` was typed. Raises SelectionError where
    there is no terminal."""
    environment = run.environment
    if yes or not environment.confirm:
        return None
    look = "see what it would do: fab plan …; then: " if run.name == "deploy" else ""
    if not run.report.attended:
        raise SelectionError(f"{environment.name} asks before anything changes (`confirm: true`), and there is"
                             " no terminal to ask on",
                             f"{look}fab {run.name} … --yes")
    return lambda: _require_yes(run, f"{run.name} {'to' if run.name == 'deploy' else 'on'} {environment.name}?")


def question(run: Command, why: str, text: str) -> Ask:
    """How to ask that; raises SelectionError where there is no terminal. `why`: what is asked for."""
    if not run.report.attended:
        raise SelectionError(f"{run.name} asks first, because {why}, and there is no terminal to ask on",
                             f"see what it would do: fab {run.name} --dry-run; then: fab {run.name} --yes")
    return lambda: _require_yes(run, text)


def _require_yes(run: Command, text: str) -> None:
    if not run.report.ask(text):
        raise Declined("not confirmed", "the same command asks again")
