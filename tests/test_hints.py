"""Hints can be typed: the commands and the options that they name are there. Read from the sources."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from invoke.exceptions import ParseError
from invoke.parser import Parser

from tasks import namespace
from tasks._program import MISSING
from tests.support.sources import nodes, sources

COMMAND = re.compile(r"fab ([a-z]+(?:\.[a-z]+)?)(?= |$|[:;,.)](?: |$))([^:;\n()]*)")
# A command of a shell, up to where the sentence goes on; what is put in later is \0.
TYPED = re.compile(r"\b(?:git (?:-C|clone|config|ls-remote)|chown|install(?= -d)|ssh-add|ssh-keyscan|chmod|mv|rm|"
                   r"cp|mkdir|ls|cd|df|findmnt|namei|setfacl|ln)(?= -| \0)[^;:&(,\n]*")
# Names of values that were quoted before, and of what needs no quotes.
QUOTED = ("here", "aside", "damaged", "url", "release", "command", "up", "settings.port")
# Words that follow "fab" where it is the subject of a sentence.
VERBS = {"shows", "fetches", "builds", "and", "may", "can", "carries", "sends", "runs", "is", "connects", "takes"}


@functools.cache
def texts() -> list[tuple[str, str]]:
    """(file, text) of everything in tasks/ that is no docstring; X stands for what is put in later."""
    return [(str(file), text) for file in sources() for text in texts_of(file)]


def texts_of(file: Path) -> Iterator[str]:
    docstrings = {id(node.value) for node in nodes(file) if isinstance(node, ast.Expr)}
    inner = {id(part) for node in nodes(file) if isinstance(node, ast.JoinedStr) for part in node.values}
    left_out = docstrings | inner
    for node in nodes(file):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value


def typed_words(rest: str) -> Iterator[str]:
    """The words of a command line up to where the sentence goes on: options, names that are put in later or by the
    user, and their like."""
    for word in rest.split():
        if not re.fullmatch(r"--[a-z][a-z-]*(=\S+)?|[A-Z][A-Z@{}.]*|last|all|\S*@\S*", word.rstrip(",.")):
            return
        yield word.rstrip(",.")
        if word.endswith((",", ".")):
            return


def test_commands_of_hints_can_be_typed() -> None:
    """Each is given to the parser of the command line, with the options and the names that follow it."""
    contexts = {name: context for context in namespace.to_contexts() for name in (context.name, *context.aliases)}
    lines = {(file, " ".join([command, *typed_words(rest)])) for file, text in texts()
             for command, rest in COMMAND.findall(text) if command not in VERBS}
    assert len(lines) > 20 and any("--" in line for _, line in lines)
    wrong = []
    for file, line in sorted(lines):
        command, *rest = line.split()
        try:                                        # Invoke copies all contexts that it gets
            Parser(contexts=[contexts[command]] if command in contexts else []).parse_argv([command, *rest])
        except ParseError as error:
            if MISSING not in str(error):           # a command without its service lists them
                wrong.append(f"{file}: fab {line}: {error}")
    assert not wrong, "\n".join(wrong)


def test_supervisorctl_of_hints_is_that_of_the_host() -> None:
    """Without its configuration it may talk to another supervisord; where fab setup installed it, no PATH leads to it.
    Only SupervisordAccess knows the whole command."""
    bare = [(file, text) for file, text in texts() for word in re.findall(r"supervisor(?:ctl|d)(?: (\S+))?", text)
            if word in ("-c", "status", "update", "restart", "start", "stop", "maintail", "reread", "tail", "signal")]
    assert not bare


def test_names_in_the_commands_of_hints_are_quoted() -> None:
    """A path, a branch or a user with a blank would make another command of it."""
    bare, found = [], 0
    for file in sources():
        for node in nodes(file):
            if not isinstance(node, ast.JoinedStr):
                continue
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
            values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            for command in TYPED.finditer(text):
                first = text.count("\0", 0, command.start())
                put_in = [ast.unparse(value) for value in values[first:first + command[0].count("\0")]]
                found += len(put_in)
                bare += [f"{file.name}: {command[0]!r}: {name}" for name in put_in
                         if not re.match(r"([a-z.]*quoting\.)?(path_)?for_sh\(", name) and name not in QUOTED]
    assert not bare, "\n".join(bare)
    assert found > 40
