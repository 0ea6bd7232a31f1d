"""The base of all reporters: each receives all events of a command, in order, on one thread."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from .._errors import SelectionError
from ..rollout.events import Event
from .text.visible import visible_event

Own = TypeVar("Own", bound="Reporter")


class Reporter:
    """A format overrides `show`, which receives events whose texts are visible: no format can forget to clean them."""

    def on(self, event: Event) -> None:
        self.show(visible_event(event))

    def show(self, event: Event) -> None:
        """Show it, keep it for later, or leave it out."""

    def close(self) -> None:
        """Leave the screen clean, whatever happened; may be called twice."""

    def write_to(self, path: str) -> None:
        """Write the document to this file, instead of standard output. Raises SelectionError where that is impossible,
        or the format makes no document."""
        raise SelectionError(f"--output {path}: this format writes no file", "add --format html or --format prometheus")

    @property
    def gone(self) -> bool:
        """Nobody reads standard output any more (`fab logs --follow | head`): an endless command ends."""
        return False

    @property
    def fault(self) -> str:
        """Why a part of standard output could not be written; empty where all was, or where nobody reads it."""
        return ""

    @property
    def attended(self) -> bool:
        """Somebody is there who can answer a question."""
        return False

    def ask(self, question: str) -> bool:
        """Their yes or no, where it is attended."""
        return False

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
