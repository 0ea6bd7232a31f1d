"""How long the steps of each host took: a line a host, which stays when the moving region is gone."""

from __future__ import annotations

from collections.abc import Mapping

from ...rollout.events import StepFinished
from ..text.humanize import duration

UNDO = "undo"
MOST = 50                       # steps of a host
LEAST = 0.05                    # seconds


class StepTimes:
    """`by_host`: the seconds of each step, of all services together; all undos are one step."""

    def __init__(self) -> None:
        self.by_host: dict[str, dict[str, float]] = {}
        self.failed: set[str] = set()                   # hosts

    def add(self, event: StepFinished) -> None:
        """A step that had nothing to do is left out."""
        if event.changed or not event.ok:
            steps = self.by_host.setdefault(event.host, {})
            step = UNDO if event.step.startswith(f"{UNDO} ") else event.step
            if step in steps or len(steps) < MOST:
                steps[step] = steps.get(step, 0.0) + event.seconds
        if not event.ok and not event.stopped:
            self.failed.add(event.host)


def in_a_line(steps: Mapping[str, float], room: int, mark: str) -> str:
    """The steps in their order, without those that took no time; where there is too little room, the slowest ones."""
    kept = {step: seconds for step, seconds in steps.items() if seconds >= LEAST} or dict(steps)
    while len(line := f" {mark} ".join(f"{step} {duration(kept[step])}" for step in kept)) > room and len(kept) > 1:
        del kept[min(kept, key=lambda step: kept[step])]
    return line
