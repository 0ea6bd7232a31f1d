"""Finds the values of secrets: in the caller's environment, else in .secrets/<environment>.env.

Values are text; bytes that are not UTF-8 are kept by Python's `surrogateescape`.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from msgspec.structs import replace

from .._errors import NotReady
from .loading import Inventory
from .model import Service, Target
from .secret import Secret

FOLDER = ".secrets"
SecretValues = dict[str, tuple[Secret, str]]        # by name: the value, and its source as messages name it


def fill(targets: tuple[Target, ...], environment: str, folder: Path, environ: Mapping[str, str]) -> tuple[Target, ...]:
    """The targets with all values. Raises NotReady that names every missing one. `folder`: that of hosts.yaml."""
    users = {name: target.service.name for target in targets for name in target.service.secrets}
    if not users:
        return targets
    values = find(users, environment, folder, environ)
    missing = [f"the secret {name} of {users[name]} has no value" for name in sorted(set(users) - set(values))]
    if missing:
        raise NotReady("\n".join(missing), _remedy(environment, environ))
    return tuple(replace(target, service=_with_values(target.service, values)) for target in targets)


def find(names: Collection[str], environment: str, folder: Path, environ: Mapping[str, str]) -> SecretValues:
    """The values that exist. Raises NotReady for a file that cannot be read, or that others can read."""
    of_file = _from_file(folder / FOLDER / f"{environment}.env")
    of_caller = {name: (_from_variable(name, environ[name]), "environment") for name in names if name in environ}
    values = {name: pair for name, pair in {**of_file, **of_caller}.items() if name in names}
    for name, (value, source) in values.items():
        if value.has_nul:
            raise NotReady(f"the secret {name} ({source}) holds a NUL character", "no variable can hold one")
    return values


def masked(text: str, inventory: Inventory, environment: str, environ: Mapping[str, str]) -> str:
    """The text without the values of any service's secrets, and without the passwords of its repositories."""
    services = [target.service for target in inventory.environment(environment).targets]
    for login in {service.login for service in services if service.login}:
        text = login.secret.masked_in(text)
    names = {name for service in services for name in service.secrets}
    with contextlib.suppress(NotReady):
        for value, _ in find(names, environment, inventory.folder, environ).values():
            text = value.masked_in(text)
    return text


def _with_values(service: Service, values: SecretValues) -> Service:
    return replace(service, secret_values={name: values[name][0] for name in service.secrets})


def _from_variable(name: str, value: str) -> Secret:
    """GitLab gives a variable of type File as the path of a file with its value."""
    if not (os.path.isabs(value) and os.path.isfile(value)):
        return Secret(value)
    try:
        return Secret(Path(value).read_bytes().decode("utf-8", "surrogateescape"))
    except OSError as error:
        raise NotReady(f"the secret {name} names a file that cannot be read: {error.strerror}",
                       "make it readable for yourself") from None


def _from_file(path: Path) -> SecretValues:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise NotReady(f"others than you can read {_display_name(path)}", f"chmod 600 {_display_name(path)}")
            text = file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NotReady(f"{_display_name(path)} cannot be read: {error.strerror}",
                       "is it a file, and yours to read?") from None
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> SecretValues:
    from dotenv.parser import parse_stream

    # Without a translation of line ends: a value's own are part of it.
    values: SecretValues = {}
    for binding in parse_stream(io.StringIO(text, newline="")):
        original = binding.original                 # with the blank lines in front of it
        blank = original.string[:len(original.string) - len(original.string.lstrip())]
        where = f"{_display_name(path)}:{original.line + blank.count(chr(10))}"
        if binding.error:
            raise NotReady(f"{where}: this line cannot be read", "write NAME='value', with \\' and \\\\ for ' and \\")
        if binding.key and binding.value is not None:
            values[binding.key] = Secret(binding.value), where
    return values


def _display_name(path: Path) -> str:
    return f"{FOLDER}/{path.name}"


def _remedy(environment: str, environ: Mapping[str, str]) -> str:
    if not environ.get("GITLAB_CI"):
        return (f"set them in the environment, or write NAME='value' lines into {FOLDER}/{environment}.env beside"
                " hosts.yaml (mode 600)")
    look = "Settings > CI/CD > Variables of the project and its groups"
    if environ.get("CI_COMMIT_REF_PROTECTED") == "false":
        return (f"a protected variable is not given to a job of a branch or tag that is not protected, and"
                f" {environ.get('CI_COMMIT_REF_NAME', 'this one')} is not: protect it, or see {look}")
    return (f"a variable is not given to a job of another environment than its scope names (this one is {environment}),"
            f" nor a protected one to a branch or tag that is not protected: see {look}")
