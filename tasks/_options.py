"""The options that commands share, and the checks of what a user typed for an option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from . import inventory
from ._errors import SelectionError

if TYPE_CHECKING:
    from .inventory.serial import Serial

MOST = 999_999_999                      # nine digits are enough for any number, and fit wherever it goes
HERE = "."                              # as a revision: the commit of the current folder
# Of every command.
SHARED: Mapping[str, str] = MappingProxyType({
    "env": "the environment of hosts.yaml; else FAB_ENV, CI_ENVIRONMENT_NAME, default_environment",
    "host": "only these hosts: GLOB[,GLOB]; !GLOB leaves out",
    "format": "auto, terminal, plain, gitlab, github or json; of status also html and prometheus",
    "inventory": "the inventory file; else FAB_INVENTORY, ./hosts.yaml, the one beside the fabfile",
    "verbose": "show everything that the hosts print",
})
IGNORED = "taken as by every command; it chooses nothing here"
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {"env": "", "host": "", "format": "auto", "inventory": "", "verbose": False})


class RolloutOptions(NamedTuple):
    """The options that deploy and rollback share: a parameter of this type stands for all of them."""

    fetch: str = ""
    force: bool = False
    set_aside: bool = False
    serial: str = ""
    wait: str = "0"
    yes: bool = False
    junit: str = ""
    dotenv: str = ""


ARTIFACT = "deploy what this tar file holds on top of the commit, instead of building"
FETCH = "client: fab fetches, and sends hosts what they lack; host: each host; hosts.yaml's unless given"
SERIAL = "how many hosts restart at a time: 1, 25%, or one after the other 1,50%; hosts.yaml's unless given"
ROLLOUT: Mapping[str, str] = MappingProxyType({
    "fetch": FETCH,
    "force": "go on though that version already runs",
    "serial": SERIAL,
    "set_aside": "stash files that were edited on the host, instead of refusing",
    "wait": "seconds to wait for a lock that somebody else holds",
    "yes": "do not ask, although the environment says `confirm: true`",
    "junit": "write a JUnit report to this file: a test case for each host and service",
    "dotenv": "write DEPLOY_URL and DEPLOY_REVISION to this file",
})


def check_revision(option: str, text: str) -> str:
    """`text` when it can be a commit, a branch or a tag. Raises SelectionError."""
    if text == HERE and option == "revision":
        return text
    wrong = inventory.rules.values.check_revision(text)
    if wrong:
        here = f"--revision {HERE} is the commit of the current folder, and " if option == "revision" else ""
        raise SelectionError(f"--{option}: {wrong}",
                             f"give a commit, a branch or a tag; {here}git rev-parse HEAD~1 prints the one before")
    return text


def check_one_service(text: str, option: str = "--service") -> str:
    """`text` when it names one service, or none. Raises SelectionError."""
    if "," in text or text.strip() == "all":
        raise SelectionError(f"{option} names one service, not {text!r}", "leave it out for the root of the host")
    return text


def check_pattern(option: str, text: str) -> str:
    """`text` when it is a regular expression of Python. Raises SelectionError."""
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise SelectionError(f"--{option} {text!r}: {error}",
                             "a regular expression of Python: \\ takes the next character literally") from None
    return text


def check_serial(text: str) -> Serial:
    """What `--serial` says, as hosts.yaml would. Raises SelectionError."""
    sizes = inventory.serial.parse_option(text)
    wrong = inventory.serial.check_serial(sizes)
    if wrong:
        raise SelectionError(f"--serial: {wrong}", "such as --serial 1, --serial 25% or --serial 1,50%")
    return inventory.serial.normal(sizes)


def seconds(option: str, text: str, least: int = 0) -> float:
    """A whole number of seconds. Raises SelectionError."""
    return float(_number(option, text, "a number of seconds", least))


def count(option: str, text: str, least: int = 0) -> int:
    """A whole number. Raises SelectionError."""
    return _number(option, text, "a whole number", least)


def _number(option: str, text: str, expected: str, least: int) -> int:
    is_number = re.fullmatch("[0-9]+", text, re.ASCII)
    if is_number and len(text) <= len(str(MOST)) and int(text) >= least:
        return int(text)
    bound = f"{MOST} or less" if is_number and len(text) > len(str(MOST)) else f"{least} or more"
    raise SelectionError(f"--{option}: expected {expected}, {bound}; got {inventory.findings.quoted(text)}",
                         f"such as --{option} 30")
