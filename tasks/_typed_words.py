"""The words of a command line as Invoke will read them, before it does: which are options, which are their values.

Invoke takes each letter of `-fn3` for an option, also those of a value. Where an option is given twice, it takes the
second value for a service, or for the next command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from invoke.parser.context import ParserContext

BUNDLE = re.compile("-[A-Za-z]{2}")
Flags = Mapping[str, Any]                # the options of a command, as typed
Contexts = Mapping[str, "ParserContext"]                # the commands, by name


class _Word(NamedTuple):
    text: str
    flags: Flags                         # of its command; {} before the first one
    begins_command: bool = False
    is_value: bool = False               # of the option before it


def separated(words: Sequence[str], contexts: Contexts) -> list[str]:
    """The words, with each short option that has no value, and stands in front of one that has, in a word of its own:
    `-fn3` is `-f -n3`, as other tools have it."""
    return [word.text for word in _words(words, contexts)]


def given_twice(words: Sequence[str], contexts: Contexts) -> str:
    """The first option with a value that a command gets a second time, as it was typed then; empty without one."""
    seen: set[str] = set()
    for word in _words(words, contexts):
        if word.begins_command:
            seen = set()
        option = "" if word.is_value else _option(word)
        argument = word.flags[option] if option else None
        if argument is None or not argument.takes_value or argument.kind is list:
            continue
        if argument.name in seen:
            return option
        seen.add(argument.name)
    return ""


def _words(words: Sequence[str], contexts: Contexts) -> Iterator[_Word]:
    flags: Flags = {}
    positional = 0                      # how many the command still takes: a service may be called as a command
    before = ""
    for text in words:
        if _takes_value(before, flags):
            yield _Word(text, flags, is_value=True)
            before = ""
            continue
        begins = text in contexts and not positional
        if positional and not text.startswith("-"):
            positional -= 1
        elif begins:
            flags, positional = contexts[text].flags, len(contexts[text].positional_args)
        for before in _parts(text, flags) if BUNDLE.match(text) else [text]:
            word = _Word(before, flags, begins)
            option = _option(word)
            if positional and option and flags[option].positional:      # --service api
                positional -= 1
            yield word


def _option(word: _Word) -> str:
    """`--lines` of `--lines=3`, `-n` of `-n3`; empty where the word is no option of the command."""
    name = word.text.partition("=")[0] if word.text.startswith("--") else word.text[:2]
    return name if name in word.flags else ""


def _parts(word: str, flags: Flags) -> Iterator[str]:
    letters = word[1:]
    while len(letters) > 1 and f"-{letters[0]}" in flags and not _takes_value(f"-{letters[0]}", flags):
        yield f"-{letters[0]}"
        letters = letters[1:]
    yield f"-{letters}"


def _takes_value(word: str, flags: Flags) -> bool:
    return word in flags and flags[word].takes_value       # Invoke's mapping knows aliases; its get() does not
