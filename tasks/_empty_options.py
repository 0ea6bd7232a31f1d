"""Options that were typed with an empty value, as an unset variable of a script leaves them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ._errors import SelectionError
from ._running_program import running_program

# GitLab's template passes these on; empty for what hosts.yaml says.
MAY_BE_EMPTY = frozenset({"fetch", "revision", "artifact"})


def refuse(body: Callable[..., None], may_be_empty: Collection[str]) -> None:
    """Raises SelectionError: without its value `--host` would mean all hosts, and `--env` another environment.

    `body`: of the task that runs. A team's fabfile may have given the task another name, or a collection of its own.
    """
    program = running_program()
    for context in getattr(program, "tasks", ()):
        if program.collection[context.name].body is not body:
            continue
        for flag, argument in context.flags.items():
            if argument.got_value and argument.value == "" and not argument.positional \
                    and argument.name not in may_be_empty:
                raise SelectionError(f"{flag} is empty",
                                     f"{flag} VALUE, or leave it out; is a variable of your script unset?")
