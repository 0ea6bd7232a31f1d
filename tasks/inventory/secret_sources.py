"""Finds the values of secrets: in the caller's environment, in what `secrets_from` prints, in .secrets/.

Values are text; bytes that are not UTF-8 are kept by Python's `surrogateescape`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from .._errors import NotReady
from . import secret_command
from .dotenv_text import UnreadableLine, bindings
from .loading import Inventory
from .model import Service, Target
from .secret import Secret
from .secret_command import SecretCommand

FOLDER = ".secrets"
SecretValues = dict[str, tuple[Secret, str]]        # by name: the value, and its source as messages name it


class SecretSources:
    """The places where the secrets of an environment have their values. `folder`: that of hosts.yaml.

    The command runs at most once, and only when a value is asked for that the caller's environment does not have.
    """

    def __init__(self, environment: str, folder: Path, environ: Mapping[str, str],
                 command: SecretCommand | None = None) -> None:
        self._environment = environment
        self._folder = folder
        # GitHub gives an empty text for a secret that is not there, and keeps none that is empty.
        self._environ = {name: value for name, value in environ.items() if value or not environ.get("GITHUB_ACTIONS")}
        self._command = command
        self._printed: SecretValues | None = None

    def fill(self, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        """The targets with all values. Raises NotReady that names every missing one; InventoryError where the command
        fails."""
        # The hosts of a service mostly agree on its names.
        keys = [(target.service.name, tuple(target.service.names_of_secrets().items())) for target in targets]
        values_of = {key: self.find(key[0], dict(key[1])) for key in keys if key[1]}
        missing = {_missing(name, source, service) for (service, names), values in values_of.items()
                   for name, source in names if name not in values}
        if missing:
            raise NotReady("\n".join(sorted(missing)), self._remedy())
        return tuple(_with_values(target, values_of.get(key, {})) for target, key in zip(targets, keys, strict=True))

    def find(self, service: str, names: Mapping[str, str]) -> SecretValues:
        """The values that exist, by the program's names. `names`: by these, the names to look for. Raises NotReady for
        a file that cannot be read, or that others can read."""
        known = self._known(service, names)
        if self._command is not None and self._printed is None and not set(names.values()) <= self._environ.keys():
            self._printed = {name: (value, "secrets_from")
                             for name, value in self._command.values(self._environ).items()}
            known = self._known(service, names)
        for name, (value, source) in known.items():
            if value.has_nul:
                raise NotReady(f"the secret {name} ({source}) holds a NUL character", "no variable can hold one")
        return known

    def find_one(self, name: str) -> Secret:
        """The value of a secret that is of no service. Raises NotReady where it has none, and as find()."""
        values = self.find("", {name: name})
        if name not in values:
            raise NotReady(f"the secret {name} has no value", self._remedy())
        return values[name][0]

    def masked(self, text: str, services: Iterable[Service]) -> str:
        """The text without the values that are known so far (the command is not run for it), and without the passwords
        of the services' repositories."""
        services = list(services)
        for login in {service.login for service in services if service.login}:
            text = login.secret.masked_in(text)
        for name, names in {(service.name, tuple(service.names_of_secrets().items())) for service in services}:
            with contextlib.suppress(NotReady):
                for value, _ in self._known(name, dict(names)).values() if names else ():
                    text = value.masked_in(text)
        return text

    def _remedy(self) -> str:
        other = _remedy(self._environment, self._environ)
        return other if self._command is None else f"`secrets_from` does not print what is missing; {other}"

    def _known(self, service: str, names: Mapping[str, str]) -> SecretValues:
        files = (f"{FOLDER}/{self._environment}.env", f"{FOLDER}/{self._environment}/{service}.env")
        values = {**_from_file(self._folder, files[0]), **_from_file(self._folder, files[1]), **(self._printed or {})}
        for source in names.values():
            if source in self._environ:
                values[source] = _from_variable(source, self._environ[source]), "environment"
        return {name: _under(source, values[source], name) for name, source in names.items() if source in values}


def of_environment(inventory: Inventory, environment: str, environ: Mapping[str, str]) -> SecretSources:
    return SecretSources(environment, inventory.folder, environ, secret_command.of_environment(inventory, environment))


def _with_values(target: Target, values: SecretValues) -> Target:
    return replace(target, service=replace(target.service, secret_values={
        name: value for name, (value, _) in values.items()}))


def _under(source: str, value: tuple[Secret, str], name: str) -> tuple[Secret, str]:
    return value if source == name else (value[0], f"{value[1]}, as {source}")


def _missing(name: str, source: str, service: str) -> str:
    label = name if source == name else f"{name} ({source})"
    return f"the secret {label} of {service} has no value"


def _from_variable(name: str, value: str) -> Secret:
    """GitLab gives a variable of type File as the path of a file with its value."""
    if not (os.path.isabs(value) and os.path.isfile(value)):
        return Secret(value)
    try:
        return Secret(Path(value).read_bytes().decode("utf-8", "surrogateescape"))
    except OSError as error:
        raise NotReady(f"the secret {name} names a file that cannot be read: {error.strerror}",
                       "make it readable for yourself") from None


def _from_file(folder: Path, file: str) -> SecretValues:
    """`file`: its path below that folder."""
    try:
        with (folder / file).open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise NotReady(f"others than you can read {file}", f"chmod 600 {file}")
            text = stream.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NotReady(f"{file} cannot be read: {error.strerror}", "is it a file, and yours to read?") from None
    values: SecretValues = {}
    try:
        for line, name, value in bindings(text):
            if name in values and value is not None:
                raise NotReady(f"{file}:{line}: {name} is given twice, first at {values[name][1]}",
                               "leave one of them out")
            if value is not None:
                values[name] = Secret(value), f"{file}:{line}"
        return values
    except UnreadableLine as error:
        raise NotReady(f"{file}:{error.line}: this line cannot be read",
                       "write NAME='value', with \\' and \\\\ for ' and \\") from None


def _remedy(environment: str, environ: Mapping[str, str]) -> str:
    if environ.get("GITHUB_ACTIONS"):
        return (f"add them to the secrets of the repository, or of its environment {environment}, and to `env` of the"
                " workflow's step")
    if not environ.get("GITLAB_CI"):
        return (f"set them in the environment, or write NAME='value' lines into {FOLDER}/{environment}.env beside"
                " hosts.yaml (mode 600)")
    look = "Settings > CI/CD > Variables of the project and its groups"
    if environ.get("CI_COMMIT_REF_PROTECTED") == "false":
        return (f"a protected variable is not given to a job of a branch or tag that is not protected, and"
                f" {environ.get('CI_COMMIT_REF_NAME', 'this one')} is not: protect it, or see {look}")
    return (f"a variable is not given to a job of another environment than its scope names (this one is {environment}),"
            f" nor a protected one to a branch or tag that is not protected: see {look}")
