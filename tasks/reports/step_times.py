"""How long the steps of each host took: a line a host, which stays when the moving region is gone."""

from __future__ import annotations

from ..rollout.events import StepFinished
from .humanize import duration


class StepTimes:
    def __init__(self) -> None:
        self._steps: dict[str, dict[str, float]] = {}           # by host and step; of all services together, in seconds
        self._failed: set[str] = set()

    def add(self, event: StepFinished) -> None:
        """A step that had nothing to do is left out."""
        if event.changed or not event.ok:
            steps = self._steps.setdefault(event.host, {})
            steps[event.step] = steps.get(event.step, 0.0) + event.seconds
        if not event.ok and not event.stopped:
            self._failed.add(event.host)

    def lines(self) -> list[tuple[str, bool, list[str]]]:
        """Host, whether one of its steps failed, and each step with its time; by name."""
        return [(host, host in self._failed, [f"{step} {duration(seconds)}" for step, seconds in steps.items()])
                for host, steps in sorted(self._steps.items())]
