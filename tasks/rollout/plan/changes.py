"""What a plan changes on a host, for people to read: the program file, the files, the names of variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...executor.protocol import MASK
from ...inventory.model import Service
from ...inventory.secret import Secret
from ...program import files as program_files
from ..events import FileChange, Names
from ..facts import Facts, PlacedFile
from ..steps import Plan
from . import placed_files

if TYPE_CHECKING:
    from ...inventory.service_file import FileContent
    from .. import protocol

# `environment=` with the lines that continue it, and a pair in it.
ENVIRONMENT = re.compile(r"(?m)^(environment\s*[=:])(.*(?:\n[ \t].*)*)")
PAIR = re.compile(r"""([\w.]+\s*=\s*)("[^"]*"|'[^']*'|[^,\n]*)""")
# The number of a process, which supervisord fills in.
NUMBER = re.compile(r"""["']?%\(process_num\)0?\d*d["']?""")

# NUL, what a host cannot send as text, and our own bytes that are no UTF-8.
NO_TEXT = re.compile("[\0\ufffd\udc80-\udcff]")


def program_file(service: Service, facts: Facts, plan: Plan) -> list[str]:
    """Unified; <root> stands for the host's root, so that hosts with different ones can be compared."""
    new = next((step.do.args["program_file"] for step in plan.steps if step.do.action == "program"), None)
    if new is None or new == facts.program_file:
        return []
    root = facts.directory.removesuffix("/" + service.directory) + "/"
    before, after = (hidden(text.replace(root, "<root>/")) for text in (facts.program_file or "", new))
    path = facts.program_path.replace(root, "<root>/")
    return _diff(before.splitlines(), after.splitlines(), "/dev/null" if facts.program_file is None else path, path)


def files(service: Service, facts: Facts, plan: Plan, texts: Mapping[str, str] = MappingProxyType({})
          ) -> list[FileChange]:
    """`texts`: by path what is there now, where the host was asked for it. A secret is in no diff."""
    if all(step.name != "files" for step in plan.steps):
        return []
    contents = {content.path: content for content in service.file_contents}
    return [FileChange(path=path, change=change, secret=path in contents and contents[path].secrecy != "none",
                       diff=_file_diff(service, path, contents.get(path), texts.get(path)),
                       mode=_mode_change(contents.get(path), facts.files.get(path)))
            for path, change in placed_files.changes(service, facts).items()]


def _mode_change(content: FileContent | None, there: PlacedFile | None) -> list[str]:
    if not content or not there or there.mode is None or content.sha256 != there.sha256:
        return []
    return [f"{mode:04o}" for mode in (there.mode, content.mode)]


def _file_diff(service: Service, path: str, content: FileContent | None, before: str | None) -> list[str]:
    """Nothing of what is no text, and of a secret."""
    if before is None or (content and content.secrecy != "none"):
        return []
    after = str(content.text) if content else ""
    if NO_TEXT.search(before) or NO_TEXT.search(after):
        return []
    old, new = (_diff_lines(_without_secrets(text, service)) for text in (before, after))
    return _diff(old, new, path, path if content else "/dev/null")


def _diff(before: list[str], after: list[str], fromfile: str, tofile: str) -> list[str]:
    import difflib  # seldom needed: most deploys change no program file

    return list(difflib.unified_diff(before, after, fromfile, tofile, lineterm=""))


def _diff_lines(text: str) -> list[str]:
    """As git's diff has them: with carriage returns, and with a word where the last line has no end."""
    *lines, rest = text.split("\n")
    return [*lines, rest, "\\ No newline at end of file"] if rest else lines


def _without_secrets(text: str, service: Service) -> str:
    for secret in service.secret_values.values():
        text = secret.masked_in(text)
    return text


def hidden(text: str) -> str:
    """A program file that somebody else wrote may hold passwords in its `environment=`: only RUN_MODE is shown, and
    where a process finds its number."""
    def hide(pair: re.Match[str]) -> str:
        is_known = pair[1].rstrip(" =") == "RUN_MODE" or NUMBER.fullmatch(pair[2].strip())
        return pair[0] if is_known else pair[1] + MASK

    return ENVIRONMENT.sub(lambda option: option[1] + PAIR.sub(hide, option[2]), text)


def variables(service: Service, facts: Facts, compared: protocol.Compared) -> Names:
    """Names of the variables that change, without the secrets of either version."""
    secret = {*compared.secrets, *service.secrets}
    old = {name: digest for name, digest in compared.variables.items() if name not in secret}
    new = {name: _digest_of(value) for name, value in _all_variables(service, facts).items() if name not in secret}
    return Names(added=sorted(new.keys() - old.keys()), removed=sorted(old.keys() - new.keys()),
                 changed=sorted(name for name in new.keys() & old.keys() if new[name] != old[name]))


def secrets(service: Service, facts: Facts, compared: protocol.Compared) -> int:
    """The number of secrets that are added, removed or changed."""
    names = {*compared.secrets, *service.secrets}
    new: dict[str, Any] = {**{name: _digest_of(value) for name, value in _all_variables(service, facts).items()},
                           **{name: value.sha256() for name, value in service.secret_values.items()}}
    return sum(compared.variables.get(name) != new.get(name) for name in names)


def _all_variables(service: Service, facts: Facts) -> dict[str, str]:
    """Those of one program alone as PROGRAM:NAME."""
    own = {f"{program.name}:{name}": value for program in service.programs
           for name, value in program.variables.items()}
    return {**program_files.variables_in_file(service, facts.login_path), **own}


def _digest_of(value: str) -> str:
    return Secret(value).sha256()
