"""The program that ./fab runs. It reads a command line without Fabric, which takes longer to import than all else
together; `_fabric_program` is the same with Fabric."""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
import re
import sys
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import invoke.config
import invoke.program
from invoke.collection import Collection
from invoke.exceptions import CollectionNotFound, Exit, ParseError
from invoke.loader import FilesystemLoader
from invoke.parser import Parser
from invoke.parser.context import ParserContext

from . import _fabfile_errors, _fabric_options, _help, _typed_words, _wrong_words, reports
from ._command import is_plain
from ._installation import IS_CHECKOUT
from ._version import __version__

HELP = ("--help", "-h")
MISSING = "did not receive required positional arguments"       # Invoke's words


class NeedsFabric(Exception):
    """Fabric's options stand on the line, or a task that Fabvisor did not make, or a mistake: Fabric must read it."""


class Settings:
    """Reads fabric.yaml, wherever it is. One that cannot be read is a mistake of its writer."""

    def _load_file(self, prefix: str, absolute: bool = False, merge: bool = True) -> None:
        before: Any = super()
        try:
            before._load_file(prefix, absolute, merge)
        except Exception as error:
            path = getattr(self, f"_{prefix}_path", None) or "a file with settings of Fabric"
            raise Exit(_wrong_words.in_lines(f"{path} cannot be read: {' '.join(str(error).split())}",
                                             "correct fabric.yaml (or .json) beside the fabfile, ~/.fabric.yaml or "
                                             "/etc/fabric.yaml"), code=2) from None


class Config(Settings, invoke.config.Config):
    """What commands of Fabvisor take of Fabric's settings: where the fabfile is, and sudo's password."""

    prefix = "fabric"

    @staticmethod
    def global_defaults() -> dict[str, Any]:
        defaults = invoke.config.Config.global_defaults()
        return {**defaults, "tasks": {**defaults["tasks"], "collection_name": "fabfile"}}


class _Loader(FilesystemLoader):
    """Runs a fabfile once, also where Fabric reads the line again."""

    def load(self, name: str | None = None) -> tuple[ModuleType, str]:
        spec = self.find(name or self.config.tasks.collection_name)
        loaded = sys.modules.get(spec.name) if spec else None
        if spec is None or spec.origin is None or loaded is None or getattr(loaded, "__file__", None) != spec.origin:
            return super().load(name)
        folder = Path(spec.origin).parent
        return loaded, str(folder.parent if spec.parent else folder)


class _Contexts(dict[str, Any]):
    """The options of each command by each of its names: made when it is met. Invoke makes those of all, and copies them
    all: 6 ms."""

    def __init__(self, collection: Collection, ignore_unknown_help: bool) -> None:
        super().__init__({name: first for first, others in collection.task_names.items() for name in (first, *others)})
        self._made = functools.cache(lambda first: ParserContext(
            name=first, aliases=collection.task_names[first],
            args=collection[first].get_arguments(ignore_unknown_help=ignore_unknown_help)))

    def __getitem__(self, name: str) -> ParserContext:
        return self._made(super().__getitem__(name))

    def __deepcopy__(self, memo: object) -> _Contexts:
        return self


class Program(invoke.program.Program):
    """A wrong command line is a line of text and exit code 2, not a traceback. Raises NeedsFabric."""

    def __init__(self, **classes: Any) -> None:
        super().__init__(name="Fabvisor", **{"config_class": Config, "loader_class": _Loader, **classes})

    def print_version(self) -> None:
        from importlib import metadata

        others = (f"{name.title()} {metadata.version(name)}\n" for name in ("fabric", "paramiko", "invoke"))
        reports.stream.show_text("".join([f"{self.name} {__version__}\n", *others]))

    def load_collection(self) -> None:
        """As Fabric does, from the fabfile of the current folder or above it. The package needs none."""
        try:
            super().load_collection()
        except Exception as error:
            is_missing = isinstance(error.__context__, CollectionNotFound)
            if not is_missing or IS_CHECKOUT or self.args.collection.got_value:
                raise _fabfile_errors.explain(error, self.args["search-root"].value or os.getcwd()) from None
            from ._namespace import namespace

            self.config.set_project_location(os.getcwd())       # where a fabric.yaml may be
            self.config.load_project()
            self.collection = namespace

    def parse_core(self, argv: Any) -> None:
        with _in_words():
            super().parse_core(logins_in_one_word(argv))

    def parse_tasks(self) -> None:
        """A command without its positional argument gets an empty one, and says which services or hosts there are."""
        words = [*self.core.unparsed]
        if self.core.remainder:
            self.refuse(_wrong_words.behind_dashes(words, self.core.remainder))
        self._take_help()
        with _in_words(), self._explained():
            try:
                super().parse_tasks()
            except ParseError as error:
                if error.context is None or MISSING not in str(error):
                    raise
                self.core.unparsed += [""] * len(error.context.missing_positional_args)
                super().parse_tasks()
        wrong = (_wrong_words.misplaced_options(self.tasks) or self._misplaced_core_options(words)
                 or _wrong_words.further_commands(words, self.tasks))
        if wrong:
            self.refuse(wrong)
        self.take_tasks([self.collection[context.name] for context in self.tasks])

    def refuse(self, words: str) -> NoReturn:
        """For a command line that Invoke cannot read, or not rightly: `words` say so. Fabric may be able to."""
        raise NeedsFabric(words)

    def take_tasks(self, tasks: list[Any]) -> None:
        """The tasks of the command line, before they run. Without any, the fabfile may have one for that."""
        if not all(map(is_plain, tasks)) or not (tasks or self.collection.default is None):
            raise NeedsFabric

    def _make_parser(self) -> Parser:
        parser = Parser(initial=self.initial_context)
        contexts = _Contexts(self.collection, self.config.tasks.ignore_unknown_help)
        self.core.unparsed = _typed_words.separated(self.core.unparsed, contexts)
        if twice := _typed_words.given_twice(self.core.unparsed, contexts):
            self.refuse(_wrong_words.given_twice(twice, self.core.unparsed))
        parser.contexts = contexts  # type: ignore[assignment]      # it has all that is asked of Invoke's mapping
        return parser

    def parse_cleanup(self) -> None:
        with self._explained():
            super().parse_cleanup()

    def list_tasks(self) -> None:
        with reports.stream.standard_output():
            super().list_tasks()

    def _take_help(self) -> None:
        """`fab deploy --help`: Invoke would take it for the service. Behind another option it may be a value."""
        words = self.core.unparsed
        at = next((number for number, word in enumerate(words) if word in HELP), 0)
        commands = [word for word in words[:at] if word in self._commands()]
        if commands[-1:] == ["run"] and words[at] == "-h" and words[at - 1] != "run":       # as in `fab run df -h`
            self.refuse(_wrong_words.unquoted(words))
        if commands and not words[at - 1].startswith("-"):
            self.args.help.value = commands[-1]
            self.core.unparsed = []

    def _misplaced_core_options(self, words: list[str]) -> str:
        """Those that would end everything before the command runs; and any of them in the command line of `fab run`."""
        typed = [name for name, argument in self.core_via_tasks.args.items() if argument.got_value and name != "help"]
        if typed and self.tasks[-1].name == "run":
            return _wrong_words.unquoted(words, self.tasks[-1].flags)
        return _wrong_words.in_lines(*_fabric_options.REFUSED_BEHIND["list"]) if "list" in typed else ""

    def _commands(self) -> set[str]:
        """By their names alone: Invoke takes the words of the options out of a task when it makes its context."""
        return {name for first, others in self.collection.task_names.items() for name in (first, *others)}

    def print_task_help(self, name: str) -> None:
        reports.stream.show_text(_help.of_command(name, self.collection[name], self.parser.contexts[name]))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ParseError as error:
            echoes = bool(self.args.echo.got_value)
            words = [*self.core.unparsed]
            self.refuse(_wrong_words.explain(error, words, sorted(self._commands()), echoes))

    def update_config(self, merge: bool = True) -> None:
        with _in_words(), warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)      # no terminal: the password would be seen
            super().update_config()


def logins_in_one_word(argv: list[str]) -> list[str]:
    """`adopt USER@HOST USER@HOST` with a comma between the hosts: a positional argument of Invoke is one word.
    The value of an option is no login, whatever it holds."""
    if "adopt" not in argv:
        return argv
    begin = argv.index("adopt") + 1
    logins: list[str] = []
    others: list[str] = []
    for before, word in pairwise(argv[begin - 1:]):
        is_value = before == "-e" or re.fullmatch(r"--(?!verbose$)[\w-]+", before)
        (logins if "@" in word and not word.startswith("-") and not is_value else others).append(word)
    return [*argv[:begin], *([",".join(logins)] if logins else []), *others]


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (Exit, ParseError, NeedsFabric):
        raise
    except (EOFError, getpass.GetPassWarning):
        raise Exit("fab: a password can be asked for on a terminal only; put it into FABRIC_SUDO_PASSWORD",
                   code=2) from None
    except Exception as error:
        raise Exit(f"fab: an option has a wrong value: {str(error) or type(error).__name__}; see fab --help",
                   code=2) from None
