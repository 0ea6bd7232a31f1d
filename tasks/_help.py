"""The texts of `fab --help` and of `fab COMMAND --help`: what to type, and the options with their words."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection

from ._installation import COMMAND
from ._options import SHARED

if TYPE_CHECKING:
    from invoke.parser.context import ParserContext

WIDEST = 100
GAP = 2


def text(namespace: Collection) -> str:
    """Tasks of a team's own fabfile are not among them: Fabric reads it later."""
    commands = [(name, (namespace[name].__doc__ or "").strip().split("\n")[0]) for name in sorted(namespace.task_names)]
    options = [(f"--{name}", words) for name, words in SHARED.items()]
    return "\n".join([
        f"Usage: {COMMAND} COMMAND [SERVICE] [OPTIONS]", "",
        *_filled("Fabvisor deploys services that supervisord keeps running: to all hosts, or to none."), "",
        "Commands:", *_rows(commands), "",
        "Options of every command:", *_rows(options), "",
        *_filled(f"{COMMAND} COMMAND --help shows the options of a command. {COMMAND} --list also lists the tasks of "
                 "your own fabfile. Of Fabric's own options --list, --version and --prompt-for-sudo-password mean "
                 "something here, and --search-root and --collection, which choose the fabfile. Others are refused."),
        ""])


def of_command(name: str, task: Any, context: ParserContext) -> str:
    """`context`: what Invoke's parser knows of the command. A task of a team's fabfile has one, too."""
    positional = [argument.name for argument in context.positional_args if argument.name]
    words = [COMMAND, name, *(each.upper() for each in positional), *(["[OPTIONS]"] if context.flags else [])]
    return "\n".join([
        f"Usage: {' '.join(words)}", "",
        *(part for line in (inspect.getdoc(task) or "").splitlines() for part in _filled(line) or [""]), "",
        *(["Options:", *_rows([_option(context, flag) for flag in context.flags]), ""] if context.flags else [])])


def _option(context: ParserContext, flag: str) -> tuple[str, str]:
    """Its names, with what its value is called, and its words."""
    names, words = context.help_for(flag)
    return names.replace("STRING", flag.lstrip("-").upper().replace("-", "_")), words


def _rows(pairs: list[tuple[str, str]]) -> list[str]:
    wide = max(len(name) for name, _ in pairs) + GAP
    return [line for name, words in pairs for line in textwrap.wrap(
        words, _width(), initial_indent=f"  {name:<{wide}}", subsequent_indent=" " * (wide + 2)) or [f"  {name}"]]


def _filled(words: str) -> list[str]:
    return textwrap.wrap(words, _width())


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)
