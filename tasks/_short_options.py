"""Short options in one word, as other tools have them: `-fn3` is `-f -n3`.

Invoke takes each letter for an option, also those of a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from invoke.parser.context import ParserContext

BUNDLE = re.compile("-[A-Za-z]{2}")
Flags = Mapping[str, Any]                # the options of a command, as typed


def separated(words: Sequence[str], contexts: Mapping[str, ParserContext]) -> list[str]:
    """The words of a command line, with each option that has no value, and stands in front of one that has, in a word
    of its own. `contexts`: the commands, by name."""
    result: list[str] = []
    flags: Flags = {}
    positional = 0                      # how many the command still takes: a service may be called as a command
    before = ""
    for word in words:
        if _takes_value(before, flags):
            result.append(word)
            before = ""
            continue
        if positional and not word.startswith("-"):
            positional -= 1
        elif word in contexts:
            flags, positional = contexts[word].flags, len(contexts[word].positional_args)
        result += _parts(word, flags) if BUNDLE.match(word) else [word]
        before = result[-1]
    return result


def _parts(word: str, flags: Flags) -> Iterator[str]:
    letters = word[1:]
    while len(letters) > 1 and f"-{letters[0]}" in flags and not _takes_value(f"-{letters[0]}", flags):
        yield f"-{letters[0]}"
        letters = letters[1:]
    yield f"-{letters}"


def _takes_value(word: str, flags: Flags) -> bool:
    return word in flags and flags[word].takes_value       # Invoke's mapping knows aliases; its get() does not
