"""A command line that Invoke cannot read, in words: what is wrong with it, and the next thing to type."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING

from . import _fabric_options, inventory, program
from ._options import DEFAULTS

if TYPE_CHECKING:
    from invoke.exceptions import ParseError
    from invoke.parser.context import ParserContext

# Invoke's words (invoke/parser/parser.py).
UNKNOWN = re.compile(r"No idea what (.*) is!", re.DOTALL)
WITHOUT_VALUE = re.compile(r"Flag <Argument: ([\w-]+)(?: \(([\w-]+)\))?.* needed value")
# Of `fab run`, where Invoke has not said which options it has.
RUN_OPTIONS = ("-e", *(f"--{name}" for name in (*DEFAULTS, "service", "serial", "once", "timeout", "yes")))
# What other tools call it: the options of ours that it may be, the first that the command has.
SYNONYMS: Mapping[str, Sequence[str]] = MappingProxyType({
    "branch": ("revision", "to"), "tag": ("revision", "to"), "ref": ("revision", "to"), "commit": ("revision", "to"),
    "revision": ("to",), "to": ("revision",), "limit": ("host",), "environment": ("env",), "stage": ("env",)})


def explain(error: ParseError, words: Sequence[str], commands: Collection[str], echoes: bool) -> str:
    """`words`: all that stand behind Fabric's own options. `echoes`: -e stands before the command, where it is
    Fabric's own."""
    unknown = UNKNOWN.fullmatch(str(error))
    without_value = WITHOUT_VALUE.match(str(error))
    context = error.context
    if without_value:
        return _without_value(without_value[1], without_value[2] or "", context)
    if unknown is None:
        return in_lines(str(error), "fab --list lists the commands")
    word = str(ast.literal_eval(unknown[1]))
    if context is None or not context.name:
        return _unknown_command(word, commands, echoes)
    if words[:1] == ["run"] and context.name != "run":
        return unquoted(words)
    return _unknown_word(word, words, context)


def _unknown_word(word: str, words: Sequence[str], context: ParserContext) -> str:
    valued = _value_of_none(word, words, context)
    if context.name == "run" and not valued:
        return unquoted(words, context.flags)
    options = misplaced_options([context])
    if options:
        return options
    if word.startswith("-"):
        return _unknown_option(word, context)
    return valued or _too_many(word, context)


def misplaced_options(contexts: Iterable[ParserContext]) -> str:
    """Invoke takes a word with a dash for the service, too, where one is still to come. Empty where nobody typed so."""
    for context in contexts:
        for argument in context.positional_args:
            if isinstance(argument.value, str) and re.match("-[-\\w]", argument.value):
                return _unknown_option(argument.value, context)
    return ""


def given_twice(option: str, words: Sequence[str]) -> str:
    """`option`: as it was typed the second time."""
    several = "several hosts are a comma list: --host A,B" if option == "--host" else f"leave out one {option}"
    if words[:1] == ["run"] and not words[1].startswith("-"):       # as in `fab run grep -e a -e b`
        several += f"; if it is of the command, quote that: fab run {_as_one_word(words[1:])}"
    return in_lines(f"{option} is given twice", several)


def further_commands(words: Sequence[str], contexts: Sequence[ParserContext]) -> str:
    """Behind `run` or `ssh`: Invoke takes a word of what shall run on the host for a command of ours, and would run it
    next: `fab run systemctl stop all`. Empty where they are the last command."""
    for context in contexts[:-1]:
        if context.name == "run":
            return unquoted(words, context.flags)
        if context.name == "ssh":
            return _command_of_ssh(context)
    return ""


def unquoted(words: Sequence[str], flags: Collection[str] = RUN_OPTIONS) -> str:
    """The command of `fab run` is one word; its own options would be ours. `flags`: those that end it, unless it goes
    on behind them, as in `fab run grep -e a file`."""
    behind = words[words.index("run") + 1:]
    first = [*takewhile(lambda word: word.partition("=")[0] not in flags, behind)]
    command = _as_one_word(behind if len(first) == 1 else first) if first else "'COMMAND'"
    return in_lines("run takes its command as one word", f"quote it: fab run {command}")


def _as_one_word(words: Iterable[str]) -> str:
    """For the user's shell; what was one word with blanks in it is one for the host's shell, too."""
    quoted = (word if re.fullmatch(r"\S+", word) else program.quoting.for_sh(word) for word in words)
    return program.quoting.for_sh(" ".join(quoted))


def _command_of_ssh(context: ParserContext) -> str:
    host = context.positional_args[0].value
    return in_lines("ssh opens a shell, and takes no command", f"fab run 'COMMAND' --host {_shown(host)}")


def behind_dashes(words: Sequence[str], remainder: str) -> str:
    """`--` ends the options of other tools; here nothing may stand behind it."""
    quoted = f"quote the command: fab run {program.quoting.for_sh(remainder)}"
    return in_lines("nothing may stand behind --", quoted if words[:1] == ["run"] else "leave the -- out")


def in_lines(message: str, hint: str) -> str:
    return f"error: {message}\nhint:  {hint}"


def _without_value(name: str, nickname: str, context: ParserContext | None) -> str:
    refused = {**_fabric_options.REFUSED, **_fabric_options.REFUSED_BEHIND}
    is_ours = context is not None and f"--{name}" in context.flags
    known = [refused[each] for each in (name, nickname) if each in refused and not is_ours]
    if known:
        return in_lines(*known[0])
    return in_lines(f"--{name} needs a value", f"such as --{name} VALUE")


def _unknown_command(word: str, commands: Collection[str], echoes: bool) -> str:
    if echoes:
        return in_lines("-e before the command is Fabric's own --echo, and takes no value",
                        f"the environment stands behind the command: fab COMMAND -e {word}")
    if word.startswith("-"):
        return in_lines(f"there is no option {_shown(word)} before the command",
                        "options stand behind it: fab COMMAND OPTIONS")
    near = inventory.nearest.did_you_mean(word, commands)
    ours = "" if any(command.rpartition(".")[2] == "deploy" for command in commands) else \
        "; those of Fabvisor are there once the fabfile has: from fabvisor import namespace"
    return in_lines(f"there is no command {inventory.findings.quoted(word)}{near}",
                    f"fab --list lists the commands{ours}")


def _unknown_option(word: str, context: ParserContext) -> str:
    names = [flag.removeprefix("--") for flag in context.flags if flag.startswith("--")]
    name = word.partition("=")[0]
    bare = name.lstrip("-")
    meant = next((other for other in SYNONYMS.get(bare, ()) if other in names), "") \
        or inventory.nearest.nearest(bare, names)
    hint = "fab plan shows what it would do" if bare == "dry-run" else f"fab --help {context.name} lists its options"
    return in_lines(f"{context.name} has no option {_shown(name)}" + (f"; did you mean '--{meant}'?" if meant else ""),
                    hint)


def _value_of_none(word: str, words: Sequence[str], context: ParserContext) -> str:
    """Of an option that takes no value. Empty where the word was not typed as one's value."""
    options = [name for name, _, value in (typed.partition("=") for typed in words)
               if value == word and name in context.flags]
    return in_lines(f"{options[0]} takes no value", f"leave {options[0]} out, or type it alone") if options else ""


def _too_many(word: str, context: ParserContext) -> str:
    if context.name == "ssh":
        return _command_of_ssh(context)
    names = [argument.name for argument in context.positional_args]
    if names != ["service"] or "--env" not in context.flags:         # a task that Fabvisor did not make has no --env
        option = f"a service is --service {_shown(word)}; " if {"--service", "--env"} <= {*context.flags} else ""
        return in_lines(f"{context.name} does not take the word {inventory.findings.quoted(word)}",
                        f"{option}fab --help {context.name}; several words that are one stand in quotes")
    first = context.positional_args[0].value
    options = [option for option in ("--revision", "--to", "--env", "--host") if option in context.flags]
    return in_lines(f"{context.name} takes one word for its services: several are a comma list",
                    f"fab {context.name} {first},{_shown(word)}; if it is no service, put what it is before it: "
                    f"{', '.join(options[:-1])} or {options[-1]}")


def _shown(word: str) -> str:
    """As it was typed, where that is short and plain."""
    return word if re.fullmatch(r"[\w,.:/-]{1,70}", word) else inventory.findings.quoted(word)
