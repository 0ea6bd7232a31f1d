"""The contents of the `files` of services: read beside hosts.yaml, filled in, or made of variables and secrets."""

from __future__ import annotations

import functools
import operator
import stat
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from .._errors import InventoryError, NotReady, Problem
from ..inventory.loading import Inventory
from ..inventory.model import Service, Target
from ..inventory.nearest import did_you_mean
from ..inventory.rules.interpolation import PLACEHOLDER
from ..inventory.secret import Secret
from ..inventory.service_file import (
    LARGEST,
    MODE,
    MOST_BYTES,
    SECRET_MODE,
    FileContent,
    Secrecy,
    ServiceFile,
    content,
)
from . import quoting

Text = str | Secret


class _Unfit(Exception):
    """Why a file has no content."""


class FileContents:
    """Reads each source once, and makes once what is the same on all hosts."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._sources: dict[str, str] = {}
        self._plain: dict[ServiceFile, FileContent] = {}

    def fill(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        """The targets, which have their secrets, with the contents of their files. Raises InventoryError with every
        mistake; NotReady where it is too much for one host."""
        problems: dict[Problem, None] = {}
        filled = []
        for target in targets:
            contents = []
            for file in target.service.files:
                try:
                    contents.append(self._content(target.service, file))
                except _Unfit as error:
                    problems[self._inventory.problem(file.origin, str(error))] = None
            filled.append(replace(target, service=replace(target.service, file_contents=tuple(contents))))
        if problems:
            raise InventoryError(list(problems),
                                 f"correct {self._inventory.source}, or the file; no host was contacted")
        _require_little(filled)
        return tuple(filled)

    def check(self, targets: Iterable[Target]) -> None:
        """As fill(), for targets whose secrets nobody has looked up: whatever they are. Raises the same."""
        self.fill(replace(target, service=replace(target.service, secret_values={
            name: Secret("") for name in (*target.service.secrets, *(file.secret for file in target.service.files))}))
            for target in targets)

    def _content(self, service: Service, file: ServiceFile) -> FileContent:
        if file in self._plain:
            return self._plain[file]
        text, secrecy = self._made(service, file)
        default = MODE if secrecy == "none" else SECRET_MODE
        made = content(file.path, text, default if file.mode is None else file.mode, secrecy)
        _require_small(file.source or "the content", made.size)
        if file.source and not file.template:
            self._plain[file] = made
        return made

    def _made(self, service: Service, file: ServiceFile) -> tuple[Text, Secrecy]:
        if file.secret:
            return service.secret_values[file.secret], "all"
        if file.variables:
            text = dotenv(service)
        elif file.template:
            text = _filled(file.source, self._source(file.source), {
                **service.names_in_files(), **service.program_secrets})
        else:
            text = self._source(file.source)
        return text, "parts" if isinstance(text, Secret) else "none"

    def _source(self, source: str) -> str:
        if source not in self._sources:
            path = self._inventory.folder / source
            try:
                status = path.stat()
                if not stat.S_ISREG(status.st_mode):
                    kind = "a folder: name each of its files" if path.is_dir() else "no ordinary file"
                    raise _Unfit(f"{source} is {kind}")
                _require_small(source, status.st_size)
                self._sources[source] = path.read_bytes().decode("utf-8", "surrogateescape")
            except (FileNotFoundError, NotADirectoryError):
                raise _Unfit(f"there is no file {source} beside {self._inventory.source}") from None
            except OSError as error:
                raise _Unfit(f"{source} cannot be read: {error.strerror}") from None
        return self._sources[source]


def dotenv(service: Service) -> Text:
    """All variables and secrets of the program as NAME=value lines, by name; secret where one of them is."""
    values: dict[str, Text] = {**service.environment_variables(), **service.program_secrets}
    parts: list[Text] = []
    for name, value in sorted(values.items()):
        quoted = value.map(quoting.for_dotenv) if isinstance(value, Secret) else quoting.for_dotenv(value)
        parts += [f"{name}=", quoted, "\n"]
    return _joined(parts)


def _filled(source: str, template: str, values: Mapping[str, Text]) -> Text:
    """The text with each `${NAME}` replaced, and nothing else."""
    parts: list[Text] = [*PLACEHOLDER.split(template)]              # text, name, text, name, …
    for index in range(1, len(parts), 2):
        name = str(parts[index])
        if name not in values:
            line = template[:template.index("${" + name + "}")].count("\n") + 1
            raise _Unfit(f"{source}:{line}: no variable or secret ${{{name}}} is set{did_you_mean(name, values)}")
        parts[index] = values[name]
    return _joined(parts)


def _joined(parts: Iterable[Text]) -> Text:
    """The parts as one text, which is a secret where one of them is."""
    parts = list(parts)
    if any(isinstance(part, Secret) for part in parts):
        return functools.reduce(operator.add, parts, Secret(""))
    return "".join(map(str, parts))


def _require_small(name: str, size: int) -> None:
    if size > LARGEST:
        raise _Unfit(f"{name} has {size} bytes; the most is {LARGEST} (1 MB)")


def _require_little(targets: Iterable[Target]) -> None:
    by_host: dict[str, int] = {}
    for target in targets:
        size = sum(each.size for each in target.service.file_contents)
        by_host[target.host.name] = by_host.get(target.host.name, 0) + size
    large = {host: size for host, size in sorted(by_host.items()) if size > MOST_BYTES}
    if large:
        host, size = next(iter(large.items()))
        raise NotReady(f"the `files` for {host} have {size} bytes together; the most in one command is {MOST_BYTES}"
                       " (4 MB)", "deploy fewer services at once; or put large files into the repository")
