"""The settings that won, each with the place in hosts.yaml where it stands."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from .. import model
from ..findings import KeyPath
from ..rules.health import CHECKS
from .listings import Raw

SettingPath = tuple[str, ...]       # ("lease",), ("health", "timeout"), ("variables", "PORT")

HEALTH_KINDS = tuple(CHECKS)


class Value(Struct, frozen=True):
    """A setting that won, and the path where it was written; None: a default of the tool."""

    value: Any
    origin: KeyPath | None


class Resolved:
    """Every setting that applies, by its path within a layer."""

    def __init__(self, values: dict[SettingPath, Value]) -> None:
        self.values = values

    def has(self, *path: str) -> bool:
        return path in self.values

    def get(self, *path: str, default: Any = None) -> Any:
        return self.values[path].value if path in self.values else default

    def origin(self, *path: str) -> KeyPath | None:
        return self.values[path].origin

    def group(self, key: str) -> Raw:
        """The settings below a key that is merged key by key."""
        return {path[1]: setting.value for path, setting in self.values.items() if path[0] == key and len(path) > 1}

    def below(self, *prefix: str) -> Resolved:
        """The settings below a path, by their paths from there."""
        return Resolved({path[len(prefix):]: value for path, value in self.values.items()
                         if path[:len(prefix)] == prefix and len(path) > len(prefix)})

    def programs(self) -> dict[str, Resolved]:
        """By name the settings of each program, with the variables that it has in all; {} where it is the service
        itself. In the order in which they are written."""
        names = dict.fromkeys(path[1] for path in self.values if path[0] == "programs" and path[2] == "command")
        common = {path: value for path, value in self.values.items() if path[0] in ("variables", "run_mode", "secrets")}
        return {name: Resolved({**common, **self.below("programs", name).values}) for name in names}

    def runs_on(self, host: str) -> bool:
        """Whether this program does, by its `hosts`."""
        return any(fnmatchcase(host, glob) for glob in self.get("hosts", default=["*"]))

    @property
    def is_numbered(self) -> bool:
        """Whether its processes have PROCESS_NUM: those of `programs` always, that of a service with `numprocs`."""
        return self.has("numprocs") or not self.has("repo")

    @property
    def is_checked_by_process(self) -> bool:
        """Whether `health` may name the process. With a `socket` it asks whichever answers."""
        return self.is_numbered and not self.has("socket") and not self.has("reload")

    @property
    def health_kind(self) -> str | None:
        """http, tcp or command; None where there is no check, or a mistaken one of several kinds."""
        kinds = [kind for kind in HEALTH_KINDS if self.has("health", kind)]
        return kinds[0] if len(kinds) == 1 else None

    @property
    def maker(self) -> str:
        """The key by which this machine itself makes the commit, and so must send it; empty where it does not."""
        if self.get("build_on") == "client":
            return "build_on"
        return "repo" if model.is_folder(self.get("repo") or "") else ""

    def environment_variables(self) -> dict[str, str]:
        return model.environment_variables(self.group("variables"), self.get("run_mode"))
