"""The inventory as the rest of the program sees it: every default applied, every override merged.

All values are frozen. Times are in seconds. Paths of a host are as written in hosts.yaml; the host
itself resolves them (`~/` and paths below `root`).
"""

from __future__ import annotations

from msgspec import Struct

from .secret import Secret


class Host(Struct, frozen=True, kw_only=True):
    """How to reach one host, and where things are on it. None: whatever ~/.ssh/config says.
    `root` is empty only for a host of a sandbox that has not been started."""

    name: str
    root: str
    address: str | None = None
    port: int | None = None
    user: str | None = None
    gateway: str | None = None
    identity_file: str | None = None
    known_hosts: str | None = None          # a file that pins this host's key (the sandbox sets it, hosts.yaml cannot)
    supervisord_conf: str = "supervisord.conf"
    program_dir: str = "conf.d"
    python: str = "python3"
    connect_timeout: float = 10
    lease: float = 30


class Health(Struct, frozen=True, kw_only=True):
    """One of http (a URL), tcp (HOST:PORT) or command is set. `${NAME}` is already replaced in the first two;
    a command runs with RUN_MODE and the variables in its environment, so its shell replaces them."""

    http: str | None = None
    tcp: str | None = None
    command: str | None = None
    timeout: float = 30


class Hook(Struct, frozen=True, kw_only=True):
    """Commands of a service; `once`: on the lowest-named host of a deploy only."""

    run: tuple[str, ...]
    once: bool = False


class Service(Struct, frozen=True, kw_only=True):
    """A service as it is deployed to one host."""

    name: str
    repo: str
    directory: str
    command: str
    build: tuple[str, ...] = ()
    build_timeout: float = 1800
    program: dict[str, str] = {}            # further [program:x] options, as text
    strategy: str = "in_place"
    shared: tuple[str, ...] = ()            # below the directory; a trailing slash says that it is a folder
    keep_releases: int = 5
    health: Health | None = None
    requires: tuple[str, ...] = ()          # paths that a commit must have; `${NAME}` is replaced
    variables: dict[str, str] = {}          # merged: defaults < service < environment < host; RUN_MODE not among them
    secrets: tuple[str, ...] = ()           # names
    secret_values: dict[str, Secret] = {}   # all of them, or none where they were not asked for
    hooks: dict[str, tuple[Hook, ...]] = {}         # of before_activate and after_activate
    run_mode: str
    environment: str = ""                   # its name, and that of the host: what hooks are told
    host: str = ""

    def environment_variables(self) -> dict[str, str]:
        """What the program, the build, the hooks and the health command find in their environment, secrets aside."""
        return environment_variables(self.variables, self.run_mode)


def environment_variables(variables: dict[str, str], run_mode: str) -> dict[str, str]:
    return {**variables, "RUN_MODE": run_mode}


class Target(Struct, frozen=True, kw_only=True):
    """One service on one host."""

    host: Host
    service: Service


class Environment(Struct, frozen=True, kw_only=True):
    """`targets` are in the order host name, service name; hosts come in name order."""

    name: str
    branch: str
    run_mode: str
    targets: tuple[Target, ...]
    sandbox: bool = False
    confirm: bool = False                   # a person agrees before a deploy or a rollback
    url: str = ""                           # where the result can be seen
    source: str = ""                        # the file it was read from, as a message names it
    elsewhere: tuple[str, ...] = ()         # services of the same file that do not run here
