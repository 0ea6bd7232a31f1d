"""The input of an action, and its result."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ..git import State
from ..program.process import Before, Started


class Results(NamedTuple):
    """Results of the steps of a service, for the steps that follow and for its history line."""

    clone: State | None = None                      # the clone, right before its checkout
    before: Mapping[str, Before] | None = None      # the processes, right before their restart
    started: Mapping[str, Started] | None = None    # the processes, once they stayed up
    overwritten: Sequence[str] = ()                 # steps of earlier deploys whose results the checkout overwrites


class Step(NamedTuple):
    """One step as its action sees it. `args` are those of the plan or the journal, `say` takes a line of output."""

    args: Mapping[str, Any]
    say: Callable[[str], None]
    results: Results = Results()


class Result(NamedTuple):
    """Whether an action changed anything. `results`: those of its Step and its own; None where it found nothing."""

    changed: bool
    results: Results | None = None
