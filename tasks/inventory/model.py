"""The values that the rest of the program works with: defaults are applied, overrides are merged.

All are frozen. Times are in seconds. Paths of a host stand as in hosts.yaml; the host itself resolves `~/` and paths
below `root`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from .secret import Secret
from .serial import DEFAULT, Serial
from .service_file import FileContent, ServiceFile
from .urls import Login


class Host(Struct, frozen=True, kw_only=True):
    """One host: how to reach it, and where its files are. None: ~/.ssh/config decides.
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
    state: str = ".fabvisor"                # Fabvisor's own files
    sudo: bool = False                      # what is supervisord's is reached through sudo
    sudo_password: Secret | None = None     # where the user gave one to Fabric (hosts.yaml cannot)
    supervisord: str | None = None          # own or packaged: what `fab setup` makes; by `sudo` unless given
    python: str = "python3"
    connect_timeout: float = 10
    login_timeout: float = 10
    lease: float = 30

    def below_root(self, path: str) -> str:
        """Where a path of hosts.yaml is on the host; it may be absolute, or begin with ~/."""
        return path if path.startswith("~/") else posixpath.join(self.root, path)


NUMBER = "${PROCESS_NUM}"


class Health(Struct, frozen=True, kw_only=True):
    """A check of the running program: http (a URL), tcp (HOST:PORT) or command is set, one of them. The others are what
    an answer to http must have: its status, a text in its `body`; and the Host header to send.

    `${NAME}` is already replaced, but for `${REVISION}` and `${PROCESS_NUM}`, and not in a command: it has the
    variables in its environment, so its shell replaces them."""

    http: str | None = None
    tcp: str | None = None
    command: str | None = None
    status: int | None = None               # None: any from 200 to 399
    body: str | None = None
    host: str | None = None
    timeout: float = 30

    def of_revision(self, commit: str) -> Health:
        """The same check with `${REVISION}` replaced."""
        texts = {key: getattr(self, key) for key in ("http", "body", "host")}
        return replace(self, **{key: text and text.replace("${REVISION}", commit) for key, text in texts.items()})

    @property
    def is_of_a_process(self) -> bool:
        """Whether it names the process: then each of them is checked."""
        asked = (self.http, self.tcp, self.body, self.host)
        return any(NUMBER in (text or "") for text in asked) or "PROCESS_NUM" in (self.command or "")

    def of_process(self, number: str) -> Health:
        """The same check with `${PROCESS_NUM}` replaced."""
        texts = {key: getattr(self, key) for key in ("http", "tcp", "body", "host")}
        return replace(self, **{key: text and text.replace(NUMBER, number) for key, text in texts.items()})


class Hook(Struct, frozen=True, kw_only=True):
    """Commands that run during a deploy; `once`: only on the lowest-named host of the deploy; `on`: host, or client,
    which is where fab runs."""

    run: tuple[str, ...]
    once: bool = False
    on: str = "host"


def group(service: str, program: str) -> str:
    """supervisord's name of one of several programs."""
    return f"{service}-{program}"


class Program(Struct, frozen=True, kw_only=True):
    """What supervisord keeps running of a service: one command, in one process or in several.

    `name` is hosts.yaml's, `group` supervisord's: both are the service's where it has one program without a name."""

    name: str
    group: str
    command: str                            # `${NAME}` is not replaced yet: that is done word by word
    options: dict[str, str] = {}            # further [program:x] options, as text
    variables: dict[str, str] = {}          # its own, which win over those of the service
    health: Health | None = None
    numprocs: int | None = None             # None: one process, which has no number
    socket: str | None = None               # supervisord listens there: tcp://HOST:PORT or unix:///PATH
    reload: str | None = None               # a signal in place of a restart, where only the commit changes

    @property
    def processes(self) -> tuple[str, ...]:
        """supervisord's names of its processes."""
        count = self.numprocs or 1
        return (self.group,) if count == 1 else tuple(f"{self.group}_{number:02d}" for number in range(count))

    @property
    def numbers(self) -> tuple[str, ...]:
        """What its processes have as PROCESS_NUM, if they have it."""
        return tuple(map(str, range(self.numprocs or 1)))


class Service(Struct, frozen=True, kw_only=True):
    """A service as it is deployed to one host."""

    name: str
    repo: str                               # without the password that its URL may have
    login: Login | None = None              # the user and the password of that URL
    fetch: str = "host"                     # or client: who fetches from the git server
    fetch_timeout: float = 600              # seconds for each command of git that asks the git server
    build_on: str = "host"                  # or client: where `build` runs
    ship: tuple[str, ...] = ()              # paths of the commit that travel with it, once it is built
    directory: str
    subdirectory: str = ""                  # of a commit: builds, hooks and programs run there; empty: at its top
    programs: tuple[Program, ...]           # in the order in which they are started
    is_part: bool = False                   # the user chose these programs alone, by SERVICE:PROGRAM
    build: tuple[str, ...] = ()
    build_timeout: float = 1800
    strategy: str = "in_place"
    shared: tuple[str, ...] = ()            # below shared_directory; a folder ends in a slash
    shared_directory: str = ""              # the folder below the directory that holds them
    keep_releases: int = 5
    requires: tuple[str, ...] = ()          # paths that a commit must have; `${NAME}` is replaced
    variables: dict[str, str] = {}          # merged, without RUN_MODE
    secrets: tuple[str, ...] = ()           # names
    secret_aliases: dict[str, str] = {}     # by name: the name that its value has elsewhere, where that is another
    secret_values: dict[str, Secret] = {}   # by name; empty for a command that needs no values
    files: tuple[ServiceFile, ...] = ()     # by path
    file_contents: tuple[FileContent, ...] = ()     # likewise; empty for a command that needs no contents
    hooks: dict[str, tuple[Hook, ...]] = {}         # by the name of the moment: before_activate, drain, …
    run_mode: str
    environment: str = ""                   # names that hooks get in their environment
    host: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether `repo` is a folder of files on this machine, and no git repository."""
        return is_folder(self.repo)

    @property
    def makes_commits(self) -> bool:
        """Whether this machine makes the commits that hosts get: no git server has them."""
        return self.is_folder or self.build_on == "client"

    def names_of_secrets(self) -> dict[str, str]:
        """By the name that the program or a file knows: the name by which the value of a secret is looked up."""
        names = dict.fromkeys([*self.secrets, *(file.secret for file in self.files if file.secret)])
        return {name: self.secret_aliases.get(name, name) for name in names}

    @property
    def program_secrets(self) -> dict[str, Secret]:
        """The values of the secrets that the program has in its environment; others are in files only."""
        return {name: value for name, value in self.secret_values.items() if name in self.secrets}

    def environment_variables(self) -> dict[str, str]:
        """The variables of the build and the hooks, and of all programs; without secrets."""
        return environment_variables(self.variables, self.run_mode)

    def names_in_files(self) -> dict[str, str]:
        """What `${NAME}` may be in the source of a file and in a template; a template may have secrets, too."""
        return names_in_files(self.environment_variables(), self.environment, self.host)

    def variables_of(self, program: Program) -> dict[str, str]:
        """The variables of that program and its health command, without secrets."""
        return environment_variables({**self.variables, **program.variables}, self.run_mode)

    def folder_in(self, tree: str) -> str:
        """Where the service is in a tree of its commit: the tree itself, or its `subdirectory`."""
        return f"{tree}/{self.subdirectory}" if self.subdirectory else tree

    def only(self, programs: Iterable[Program]) -> Service:
        """The same service with these of its programs."""
        return replace(self, programs=tuple(programs))

    @property
    def named_programs(self) -> list[str]:
        """The names of its programs where a command is about some of them alone; empty where it is about all."""
        return [program.name for program in self.programs] if self.is_part else []

    def label(self, program: Program) -> str:
        """The name by which a user addresses that program: SERVICE, or SERVICE:PROGRAM."""
        return self.name if program.group == self.name else f"{self.name}:{program.name}"


def is_folder(repo: str) -> bool:
    """Whether `repo` of hosts.yaml is a folder beside it, such as `./dist`, and no git repository."""
    return repo.startswith(("./", "../"))


def environment_variables(variables: dict[str, str], run_mode: str) -> dict[str, str]:
    """Variables and RUN_MODE. The only place that combines them."""
    return {**variables, "RUN_MODE": run_mode}


def names_in_files(variables: dict[str, str], environment: str, host: str) -> dict[str, str]:
    """Variables with RUN_MODE, ENVIRONMENT and HOST. The only place that combines them."""
    return {**variables, "ENVIRONMENT": environment, "HOST": host}


class Target(Struct, frozen=True, kw_only=True):
    """One service on one host."""

    host: Host
    service: Service

    @property
    def running_directory(self) -> str:
        """Where the version that runs is, on the host, once hosts.yaml was deployed as it is now."""
        directory = self.host.below_root(self.service.directory)
        return self.service.folder_in(f"{directory}/current" if self.service.strategy == "releases" else directory)

    @property
    def env_file(self) -> str:
        """The environment file of the service, on the host."""
        return f"{self.host.below_root(self.host.state)}/{self.service.name}/env"

    def with_sudo_password(self, password: Secret | None) -> Target:
        """The same target with the password for sudo, where its host needs sudo."""
        return replace(self, host=replace(self.host, sudo_password=password)) if password and self.host.sudo else self

    def with_programs(self, names: set[str]) -> Target:
        """The same target for a command about these programs of its service."""
        chosen = self.service.only(program for program in self.service.programs if program.name in names)
        return replace(self, service=replace(chosen, is_part=True))

    def without_files(self) -> Target:
        """The same target for a command that places no files: it needs no secret of theirs."""
        return replace(self, service=replace(self.service, files=()))

    def fetched_by(self, way: str) -> Target:
        """The same target with another `fetch` of its service: host or client."""
        return replace(self, service=replace(self.service, fetch=way))


class Notification(Struct, frozen=True, kw_only=True):
    """Who is told how a deploy ended: a chat, by the name of the secret with its URL, or a command; one of them."""

    webhook: str = ""
    run: str = ""
    on: tuple[str, ...] = ("failed", "committed")


class Environment(Struct, frozen=True, kw_only=True):
    """The hosts and services that a command works on. `targets` are sorted by host name, then by service name."""

    name: str
    branch: str
    run_mode: str
    targets: tuple[Target, ...]
    sandbox: bool = False
    confirm: bool = False                   # a person must confirm a deploy or a rollback
    serial: Serial = DEFAULT                # how many hosts restart at a time
    pause: float = 0                        # seconds that these must stay well before the next ones restart
    url: str = ""                           # where users find the service
    notify: tuple[Notification, ...] = ()
    source: str = ""                        # the file, as messages name it
    elsewhere: tuple[str, ...] = ()         # services of the same file that do not run here

    def with_sudo_password(self, password: Secret | None) -> Environment:
        """The same environment with the password for sudo, on the hosts that need sudo."""
        return replace(self, targets=tuple(target.with_sudo_password(password) for target in self.targets))
