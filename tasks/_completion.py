"""Tab completion: what may stand next on a command line. hosts.yaml is read; no host is asked, nothing is started."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, cast, get_args

from invoke.collection import Collection
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext

from . import inventory, reports
from ._context import Command
from ._errors import SelectionError
from ._installation import COMMAND
from ._options import DEFAULTS

Tasks = Mapping[str, "ParserContext"]       # by all of their names

# Of Fabric's own options: those that mean something here.
CORE = ("--help", "--list", "--print-completion-script", "--version")
SHELLS = ("bash", "zsh", "fish")
OF_PROGRAMS = ("start", "stop", "restart", "logs", "status")
LISTS = ("service", "host")                 # of these several may be named, with commas


class Line(NamedTuple):
    """The part of the command line before the word that the user types now."""

    task: ParserContext | None
    given: dict[str, str]                   # to the task: values by name
    missing: list[str]                      # the task's arguments that are still to come
    option: str                             # the one that awaits its value, or the empty text


def answer(namespace: Collection, argv: list[str], environ: Mapping[str, str]) -> str:
    """To `fab --complete -- fab WORD…`: a line for each word that may stand there; no line after an error.

    Our scripts say in COMP_CWORD, as bash does, which word is being typed. Those of Fabric drop an empty one: then a
    word that may be whole is answered with what may follow it.
    """
    try:
        tasks = {name: task for task in namespace.to_contexts() for name in (task.name, *task.aliases) if name}
        words = argv[argv.index("--") + 1:]
        at = environ.get("COMP_CWORD", "")
        words = [*words, ""][:int(at) + 1] if at else words
        joined = _with_colons(words)
        candidates = _complete(tasks, joined) if at else _either(tasks, joined)
        if joined != words:             # bash puts what it gets behind the colon
            candidates = [candidate[joined[-1].rfind(":") + 1:] for candidate in candidates]
    except Exception:
        return ""
    return "".join(f"{candidate}\n" for candidate in candidates)


def script(shell: str = "bash") -> str:
    """What the user's shell needs, for the command of the package; `./fab` prints that of the checkout itself."""
    if shell not in SHELLS:
        return f"# for {', '.join(SHELLS)} only\n"
    text = (Path(__file__).parent / "completion" / f"fab.{shell}").read_text(encoding="utf-8")
    return re.sub(r"(_complete_fab |--command )fab\b", rf"\1{COMMAND}", text)


def _with_colons(words: list[str]) -> list[str]:
    """bash makes three words of SERVICE:PROGRAM."""
    joined = words[:1]
    for before, word in pairwise(words):
        if (word == ":" or before == ":") and len(joined) > 1:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _either(tasks: Tasks, words: list[str]) -> list[str]:
    if len(words) < 2:
        return _complete(tasks, ["fab", ""])
    candidates = _complete(tasks, words)
    longer = [candidate for candidate in candidates if candidate != words[-1]]
    may_be_whole = not longer or longer != candidates
    return longer + (_complete(tasks, [*words, ""]) if may_be_whole else [])


def _complete(tasks: Tasks, words: list[str]) -> list[str]:
    """The words that begin with the last of `words`, and may stand in its place."""
    typed = [word for word in words[1:] if word != "="]         # bash makes three words of --env=x
    *before, word = [*typed, ""] if words[-1] == "=" else typed
    return [candidate for candidate in _next(tasks, _read(tasks, before), word) if candidate.startswith(word)]


def _read(tasks: Tasks, words: Iterable[str]) -> Line:
    line = Line(None, {}, [], "")
    for word in words:
        name, equals, value = word.partition("=")
        known = _argument(line, name)
        if line.option:
            line = line._replace(given={**line.given, line.option: word}, option="")
        elif name in ("-h", "--help", "--print-completion-script") or (known and known.takes_value and not equals):
            line = line._replace(option=(known and known.name) or name)
        elif known:
            line = line._replace(given={**line.given, str(known.name): value})
        elif line.missing and not word.startswith("-"):
            line = line._replace(given={**line.given, line.missing[0]: word}, missing=line.missing[1:])
        elif word in tasks:
            line = Line(tasks[word], {}, [str(argument.name) for argument in tasks[word].positional_args], "")
    return line


def _argument(line: Line, flag: str) -> Argument | None:
    return line.task.flags[flag] if line.task and flag in line.task.flags else None


def _next(tasks: Tasks, line: Line, word: str) -> list[str]:
    """All that may follow, whatever it begins with; of a list the whole word."""
    name, equals, value = word.partition("=")
    known = _argument(line, name)
    if line.option:
        return _values(tasks, line, line.option, word)
    if known and equals:
        return [f"{name}={candidate}" for candidate in _values(tasks, line, str(known.name), value)]
    if line.task and (word.startswith("-") or not (line.missing or word)):
        return [flag for flag in line.task.flag_names()
                if flag.startswith("--") and line.task.flags[flag].name not in line.given]
    if line.missing:
        return _values(tasks, line, line.missing[0], word)
    return list(CORE) if word.startswith("-") else sorted(tasks)


def _values(tasks: Tasks, line: Line, option: str, word: str) -> list[str]:
    values = _names(tasks, line, option)
    if option not in LISTS:
        return values
    before, comma, last = word.rpartition(",")
    mark = "!" if option == "host" and last.startswith("!") else ""
    listed = before.replace("!", "").split(",")
    return [before + comma + mark + value for value in values if value not in listed]


def _names(tasks: Tasks, line: Line, option: str) -> list[str]:
    run = Command("", {**DEFAULTS, **line.given}, cast("reports.reporters.Reporters", None))     # prints nothing
    names: Iterable[str] = ()
    match option:
        case "env" | "diff":
            names = run.inventory.environments
        case "host" | "host_name":
            names = {target.host.name for target in _targets(run)}
        case "service" if line.task and line.task.name == "ci.init":
            names = {*run.inventory.data["services"], "all"}
        case "service":
            names = {*(target.service.name for target in _targets(run)), *_programs(run, line), "all"}
        case "format":
            names = ("auto", *reports.formats.EVERY)
        case "strategy":
            names = get_args(inventory.document.schema.Strategy)
        case "deploy":
            names = ("last",)
        case "-h" | "--help":
            names = tasks
        case "--print-completion-script":
            names = SHELLS
    return sorted(names)


def _programs(run: Command, line: Line) -> set[str]:
    """SERVICE:PROGRAM, for the commands that take it."""
    if line.task is None or line.task.name not in OF_PROGRAMS:
        return set()
    return {target.service.label(program) for target in _targets(run) for program in target.service.programs}


def _targets(run: Command) -> list[inventory.model.Target]:
    """Of the chosen environment, else of all."""
    try:
        environments = [run.environment_name]
    except SelectionError:
        environments = list(run.inventory.environments)
    return [target for name in environments for target in run.described(name).environment(name).targets]
