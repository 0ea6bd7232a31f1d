"""Where the values of secrets come from: the caller's environment, else .secrets/<environment>.env.

They are text; bytes that are not UTF-8 are kept by Python's `surrogateescape`.
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
SecretValues = dict[str, tuple[Secret, str]]       # by name: the value, and where it comes from


def fill(targets: tuple[Target, ...], environment: str, folder: Path, environ: Mapping[str, str]) -> tuple[Target, ...]:
    """The targets with all values; raises NotReady that names every one that is missing. `folder`: of hosts.yaml."""
    named = {name: target.service.name for target in targets for name in target.service.secrets}
    if not named:
        return targets
    found = find(named, environment, folder, environ)
    missing = [f"the secret {name} of {named[name]} has no value" for name in sorted(set(named) - set(found))]
    if missing:
        raise NotReady("\n".join(missing), _remedy(environment, environ))
    return tuple(replace(target, service=_filled(target.service, found)) for target in targets)


def find(names: Collection[str], environment: str, folder: Path, environ: Mapping[str, str]) -> SecretValues:
    """Those that there are. Raises NotReady for what cannot be read or must not be used."""
    kept = _from_file(folder / FOLDER / f"{environment}.env")
    given = {name: (_given(name, environ[name]), "environment") for name in names if name in environ}
    found = {name: pair for name, pair in {**kept, **given}.items() if name in names}
    for name, (value, source) in found.items():
        if value.holds_nul:
            raise NotReady(f"the secret {name} ({source}) holds a NUL character", "no variable can hold one")
    return found


def masked(text: str, inventory: Inventory, environment: str, environ: Mapping[str, str]) -> str:
    """The text without the values of any service's secrets. Raises nothing: it serves to tell of errors."""
    named = dict.fromkeys(name for target in inventory.environment(environment).targets
                          for name in target.service.secrets)
    with contextlib.suppress(NotReady):
        for value, _ in find(named, environment, inventory.folder, environ).values():
            text = value.masked_in(text)
    return text


def _filled(service: Service, found: SecretValues) -> Service:
    return replace(service, secret_values={name: found[name][0] for name in service.secrets})


def _given(name: str, value: str) -> Secret:
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
                raise NotReady(f"others than you can read {_shown(path)}", f"chmod 600 {_shown(path)}")
            text = file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NotReady(f"{_shown(path)} cannot be read: {error.strerror}", "is it a file, and yours to read?") from None
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> SecretValues:
    from dotenv.parser import parse_stream

    # Without a translation of line ends: a value's own are part of it.
    found: SecretValues = {}
    for binding in parse_stream(io.StringIO(text, newline="")):
        written = binding.original                  # with the blank lines in front of it
        blank = written.string[:len(written.string) - len(written.string.lstrip())]
        where = f"{_shown(path)}:{written.line + blank.count(chr(10))}"
        if binding.error:
            raise NotReady(f"{where}: this line cannot be read", "write NAME='value', with \\' and \\\\ for ' and \\")
        if binding.key and binding.value is not None:
            found[binding.key] = Secret(binding.value), where
    return found


def _shown(path: Path) -> str:
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
