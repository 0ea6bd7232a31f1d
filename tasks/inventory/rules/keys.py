"""The check of each key of hosts.yaml that needs more than its type. Each returns what is wrong, or the empty text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .. import serial
from ..findings import Finding, KeyPath, mistake
from . import addresses, paths, program_options, sockets, values

Check = Callable[[Any], str]


def mistakes(path: KeyPath, mapping: Mapping[str, Any], checks: Mapping[str, Check]) -> Iterator[Finding]:
    """What is wrong with the values of a mapping. `path`: its own; `checks`: one of the tables below."""
    for key, check in checks.items():
        if key in mapping:
            yield from mistake((*path, key), check(mapping[key]))


def _literal(check: Check) -> Check:
    """A text in which nothing is replaced."""
    return lambda text: values.check_literal(text) or check(text)


SETTINGS: dict[str, Check] = {
    "user": _literal(values.check_word),
    "port": values.check_port,
    "root": _literal(paths.check_root),
    "supervisord_conf": _literal(paths.check_below_root),
    "program_dir": _literal(paths.check_below_root),
    "state": _literal(paths.check_state),
    "sudo": lambda value: "",               # true or false: its type says all
    "supervisord": lambda value: "",        # its type says all
    "python": _literal(values.check_line),
    "address": _literal(addresses.check_address),
    "gateway": _literal(addresses.check_gateway),
    "identity_file": _literal(values.check_line),
    "connect_timeout": values.check_duration,
    "login_timeout": values.check_duration,
    "lease": values.check_duration,
}

SERVICE: dict[str, Check] = {
    "repo": _literal(values.check_repo),
    "directory": _literal(paths.check_directory),
    "subdirectory": _literal(paths.check_subdirectory),
    "build": values.check_script,
    "ship": paths.check_ship,
    "fetch_timeout": values.check_duration,
    "build_timeout": values.check_duration,
    "requires": paths.check_requires,
    "shared": paths.check_shared,
    "shared_directory": _literal(paths.check_shared_directory),
    "keep_releases": values.check_releases,
}

# Of a program, also of a service that has only one.
PROGRAM: dict[str, Check] = {"command": values.check_command, "numprocs": values.check_numprocs,
                             "socket": sockets.check_written, "reload": program_options.check_signal}

FILE: dict[str, Check] = {"secret": values.check_secret_name, "mode": values.check_mode}

NOTIFICATION: dict[str, Check] = {"webhook": values.check_secret_name, "run": values.check_script}

HEALTH: dict[str, Check] = {"timeout": values.check_duration, "status": values.check_status,
                            "body": values.check_text, "host": values.check_word}

ENVIRONMENT: dict[str, Check] = {
    **SETTINGS, "branch": _literal(values.check_revision), "run_mode": values.check_name, "url": values.check_url,
    "secrets_from": values.check_line, "serial": serial.check_serial, "pause": values.check_pause,
}
