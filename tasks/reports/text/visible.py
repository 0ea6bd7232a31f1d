"""Makes text visible: nothing of it repaints a screen, forges a line, or shows something else than it is.

What a host, a program or a commit says is not to be trusted. Every reporter receives its events through
`visible_event` (see reporter.py); JSON escapes the same characters instead.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TypeVar

from ...rollout.event_texts import map_texts
from ...rollout.events import Event

AnyEvent = TypeVar("AnyEvent", bound=Event)

# Fields whose line breaks are kept. In all others, such as names and states, a line break would forge a line.
PARAGRAPHS = frozenset({"message", "hint", "why", "oddities", "text", "value", "trace"})
# Controls (C0, C1, DEL), formats (bidi, zero width, tags), half characters, separators of lines and paragraphs.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
LONGEST = 100_000                       # characters of a line; the rest of it is left out
NO_CHARACTERS = "\ufffe\uffff"          # XML does not hold them either
# Whole escape sequences: colours, cursor moves, titles, links, the clipboard.
ESCAPES = re.compile(
    r"\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]"
)


def visible_event(event: AnyEvent) -> AnyEvent:
    return map_texts(event, _visible_field)


def visible_line(text: str) -> str:
    """One line of visible characters and tabs; `?` for half a character, which is a byte that is not UTF-8.

    Of a line that redraws itself (a progress bar's carriage returns) the last state is what counts.
    """
    if text.isprintable():
        return text[:LONGEST]
    last = text.rstrip("\r\n").rsplit("\r", 1)[-1][:LONGEST]
    return "".join(_visible(character) for character in ESCAPES.sub("", last))


def visible_text(text: str) -> str:
    """Several such lines."""
    return visible_line(text) if text.isprintable() else "\n".join(map(visible_line, text.split("\n")))


def escaped(encoded: str) -> str:
    """JSON text with what is hidden as \\uXXXX."""
    if encoded.isprintable():
        return encoded
    return "".join(_escape(character) if _is_hidden(character) else character for character in encoded)


def _visible_field(name: str, text: str) -> str:
    return visible_text(text) if name in PARAGRAPHS else visible_line(text)


def _visible(character: str) -> str:
    if character == "\t" or not _is_hidden(character):
        return character
    return "?" if "\ud800" <= character <= "\udfff" else ""


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN or character in NO_CHARACTERS


def _escape(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
