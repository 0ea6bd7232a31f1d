"""Every error has a hint, a hint can be typed, and messages on docs/messages.md are in the code. Read from sources."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from invoke.exceptions import ParseError
from invoke.parser import Parser

from tasks import namespace
from tasks._program import MISSING
from tests.support.sources import ROOT, nodes, sources

PAGE = (ROOT / "docs/messages.md").read_text()
# Nobody is left to read a hint; the run log has the details; a file names them; a signal; the class gives the hint.
WITHOUT = {"Aborted", "CommandFailed", "Bug", "Interrupted", "NotInProtocol"}
SYSTEM = {"No space left on device"}
COMMAND = re.compile(r"fab ([a-z]+(?:\.[a-z]+)?)(?= |$|[:;,.)](?: |$))([^:;\n()]*)")
# A command of a shell, up to where the sentence goes on; what is put in later is \0.
TYPED = re.compile(r"\b(?:git (?:-C|clone|config|ls-remote)|chown|install(?= -d)|ssh-add|ssh-keyscan|chmod|mv|rm|"
                   r"cp|mkdir|ls|cd|df|findmnt|namei|setfacl|ln)(?= -| \0)[^;:&(,\n]*")
# Names of values that were quoted before, and of what needs no quotes.
QUOTED = ("here", "aside", "damaged", "url", "release", "command", "up", "settings.port")
# Words that follow "fab" where it is the subject of a sentence.
VERBS = {"shows", "fetches", "builds", "and", "may", "can", "carries", "sends", "runs", "is", "connects", "takes"}


class Raised(NamedTuple):
    place: str
    kind: str
    message: str
    hint: str | None


def name_of(node: ast.AST) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


def kinds() -> set[str]:
    """The classes of both error trees, below FabvisorError and HostError."""
    classes = [node for path in sources() for node in nodes(path) if isinstance(node, ast.ClassDef)]
    names = {"FabvisorError", "HostError"}
    before: set[str] = set()
    while names != before:
        before = set(names)
        names |= {node.name for node in classes if any(name_of(base) in names for base in node.bases)}
    return names


def text(node: ast.AST | None) -> str:
    """The fixed parts of an expression for a text; … for the rest."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text(node.left) + text(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return re.sub(r"%[-\d.]*[a-z]", "…", text(node.left))
    return "…"


def raised() -> Iterator[Raised]:
    known = kinds()
    for path in sources():
        for node in nodes(path):
            if isinstance(node, ast.Call) and name_of(node.func) in known and node.args:
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                hint = node.args[1] if len(node.args) > 1 else given.get("hint")
                yield Raised(f"{path.relative_to(ROOT)}:{node.lineno}", name_of(node.func), text(node.args[0]),
                             None if hint is None else text(hint))


def fixed(message: str) -> str:
    """The longest part of it that is always the same; "" where that says nothing."""
    pieces = [piece.strip(" :;,.'\"()`") for piece in re.split("…|\n", message)]
    longest = max(pieces, key=len)
    return longest if len(re.findall("[a-z]", longest)) > 5 else ""


def plain(words: str) -> str:
    return words.replace("`", "")


def rows() -> list[list[str]]:
    messages = re.sub(r"(?ms)^## ssh_config$.*?(?=^## )", "", PAGE)      # that table is of options
    table = [line for line in messages.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def test_error_reader_sees_the_errors() -> None:
    """A check that looks at nothing is none."""
    errors = list(raised())
    assert len(errors) > 100
    assert {"HostKeyError", "Down", "CannotRestore", "Locked", "SelectionError"} <= {error.kind for error in errors}


def test_every_error_has_a_hint() -> None:
    assert [error for error in raised() if error.kind not in WITHOUT and not error.hint] == []


def test_every_documented_message_is_in_the_code() -> None:
    """Also those of the operating system, in SYSTEM."""
    code = plain("\n".join(text(node) for path in sources() for node in nodes(path)
                           if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)))
    messages = [re.findall("`[^`]+`|``.+?``", row[0])[0] for row in rows()]
    assert len(messages) > 30
    assert [message for message in messages if plain(message) not in SYSTEM and fixed(message) not in code] == []


def test_every_documented_message_has_a_cause_and_a_remedy() -> None:
    assert [row for row in rows() if len(row) != 3 or not all(row)] == []


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


@pytest.fixture(scope="module")
def helped() -> dict[str, dict[str, str]]:
    """The help of each command's options. In a process of its own: Invoke gives it out only once."""
    code = ("import json; from tasks import namespace as n; print(json.dumps({name: {"
            "option.name: option.help or '' for option in n[name].get_arguments()} for name in n.task_names}))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    options: dict[str, dict[str, str]] = json.loads(done.stdout)
    return options


@pytest.mark.parametrize("name", sorted(namespace.task_names))
def test_help_of_a_command_has_a_sentence_an_example_and_its_options(name: str, helped: dict[str,
                                                                     dict[str, str]]) -> None:
    """A command's help has a line on what it does, an example that names it, and a word on every option."""
    task = namespace[name]
    first, *rest = (task.__doc__ or "").strip().splitlines()
    assert first.endswith(".")
    examples = [line.strip() for line in rest if line.strip().startswith("Example: fab ")]
    assert examples and examples[0].split()[2] in (name, *namespace.task_names[name])      # `config` is config.show
    assert [option for option, said in helped[name].items() if not said] == []
    typed = {word.lstrip("-").partition("=")[0].replace("-", "_") for word in examples[0].split()
             if word.startswith("--")}
    assert typed <= set(helped[name])


def test_help_of_adopt_says_that_its_environment_is_a_new_one(helped: dict[str, dict[str, str]]) -> None:
    """It reads no hosts.yaml, so the words of the other commands about --env would be wrong."""
    said = helped["adopt"]["env"]
    assert "production unless given" in said and said != helped["deploy"]["env"] and "FAB_ENV" not in said
