"""`--format json`: one object a line, exactly the events, and nothing else on standard output."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ..rollout.events import Event, Finished
from .reporter import Reporter
from .screen import Screen
from .text.visible import escaped


def reporter(screen: Screen) -> JsonLines:
    return JsonLines(screen)


class JsonLines(Reporter):
    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._finished = False

    @property
    def gone(self) -> bool:
        return self.screen.out.gone

    def on(self, event: Event) -> None:
        """The texts as they are, colours and all: what is hidden in them is escaped."""
        # A reader takes the last line for the result: nothing may follow it.
        if self._finished:
            return
        self._finished = isinstance(event, Finished)
        self.screen.out.write(encoded(event, self.screen.out.encoding) + "\n")
        self.screen.out.flush()

    def close(self) -> None:
        self.screen.out.flush()


def encoded(event: Event, encoding: str) -> str:
    """The event as one line of JSON, without the line break, for a stream of that encoding."""
    value = _merged(event) if isinstance(event, Finished) else event
    try:
        text = escaped(msgspec.json.encode(value).decode())
        text.encode(encoding)
    except UnicodeError:
        return escaped(_ascii(value))
    return text


def _merged(event: Finished) -> dict[str, Any]:
    own = msgspec.to_builtins(event)
    extra = own.pop("extra")
    return {**own, **{key: value for key, value in extra.items() if key not in own}}


def _ascii(value: object) -> str:
    """For a stream that is not UTF-8, and for half characters out of a host's bytes (they become `?`)."""
    text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
    return json.dumps(json.loads(text.encode("utf-8", "replace")), separators=(",", ":"))
