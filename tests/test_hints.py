"""Hints can be typed: the commands and the options that they name are there. Read from the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tasks import namespace

TASKS = Path(__file__).parents[1] / "tasks"
COMMANDS = namespace.task_names.keys()
COMMAND = re.compile(r"fab ([a-z]+(?:\.[a-z]+)?)(?= |$|[:;,.)](?: |$))([^:;\n()]*)")
# Words that follow "fab" where it is the subject of a sentence.
VERBS = {"shows", "fetches", "builds", "and", "may", "can", "carries", "sends", "runs", "is", "connects", "takes"}


def texts() -> Iterator[tuple[str, str]]:
    """(file, text) of everything in tasks/ that is no docstring; X stands for what is put in later."""
    for file in sorted(TASKS.rglob("*.py")):
        tree = ast.parse(file.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield str(file), "".join(str(part.value) if isinstance(part, ast.Constant) else "X"
                                         for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | inner:
                yield str(file), node.value


def test_commands_of_hints_are_there_with_their_options() -> None:
    named = [(file, command, rest) for file, text in texts() for command, rest in COMMAND.findall(text)
             if command not in VERBS]
    assert len(named) > 20
    wrong = [(file, command) for file, command, _ in named if command not in COMMANDS]
    for file, command, rest in named:
        if command in COMMANDS:
            known = {"--" + argument.name.replace("_", "-") for argument in namespace[command].get_arguments()}
            wrong += [(file, f"{command} {option}") for option in re.findall(r"(?<![\w`])--[a-z][a-z-]+", rest)
                      if option not in known]
    assert not wrong


def test_supervisorctl_of_hints_names_its_configuration() -> None:
    """Without it, it may talk to another supervisord."""
    bare = [(file, text) for file, text in texts() for word in re.findall(r"supervisorctl(?: (\S+))?", text)
            if word in ("status", "update", "restart", "start", "stop", "maintail", "reread", "tail", "signal")]
    assert not bare
