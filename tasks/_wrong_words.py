"""A command line that Invoke cannot read, in words: what is wrong with it, and the next thing to type."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from . import inventory

if TYPE_CHECKING:
    from invoke.exceptions import ParseError
    from invoke.parser.context import ParserContext

# Invoke's words (invoke/parser/parser.py).
UNKNOWN = re.compile(r"No idea what '(.*)' is!", re.DOTALL)
WITHOUT_VALUE = re.compile(r"Flag <Argument: ([\w-]+).* needed value")


def explain(error: ParseError, commands: Collection[str], echoes: bool) -> str:
    """`echoes`: -e stands before the command, where it is Fabric's own."""
    unknown, without_value = UNKNOWN.fullmatch(str(error)), WITHOUT_VALUE.match(str(error))
    context = error.context
    if without_value:
        return in_lines(f"--{without_value[1]} needs a value", f"such as --{without_value[1]} VALUE")
    if unknown is None:
        return in_lines(str(error), "fab --list lists the commands")
    if context is None or not context.name:
        return _unknown_command(unknown[1], commands, echoes)
    options = misplaced_options([context])
    if options:
        return options
    if unknown[1].startswith("-"):
        return _unknown_option(unknown[1], context)
    return _too_many(unknown[1], context)


def misplaced_options(contexts: Iterable[ParserContext]) -> str:
    """Invoke takes a word with a dash for the service, too, where one is still to come. Empty where nobody typed so."""
    for context in contexts:
        for argument in context.positional_args:
            if isinstance(argument.value, str) and re.match("-[-\\w]", argument.value):
                return _unknown_option(argument.value, context)
    return ""


def in_lines(message: str, hint: str) -> str:
    return f"error: {message}\nhint:  {hint}"


def _unknown_command(word: str, commands: Collection[str], echoes: bool) -> str:
    if echoes:
        return in_lines("-e before the command is Fabric's own --echo, and takes no value",
                        f"the environment stands behind the command: fab COMMAND -e {word}")
    if word.startswith("-"):
        return in_lines(f"there is no option {word} before the command", "options stand behind it: fab COMMAND OPTIONS")
    return in_lines(f"there is no command {word!r}{inventory.nearest.did_you_mean(word, commands)}",
                    "fab --list lists the commands")


def _unknown_option(word: str, context: ParserContext) -> str:
    options = [flag for flag in context.flags if flag.startswith("--")]
    name = word.partition("=")[0]
    return in_lines(f"{context.name} has no option {name}{inventory.nearest.did_you_mean(name, options)}",
                    f"fab --help {context.name} lists its options")


def _too_many(word: str, context: ParserContext) -> str:
    names = [argument.name for argument in context.positional_args]
    if names != ["service"]:
        return in_lines(f"{context.name} does not take the word {word!r}",
                        f"fab --help {context.name}; several words that are one stand in quotes")
    first = context.positional_args[0].value
    return in_lines(f"{context.name} takes one word for its services: several are a comma list",
                    f"fab {context.name} {first},{word}")
