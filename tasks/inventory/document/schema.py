"""The shape of hosts.yaml: which keys there are, of which type, and a few words on each for editors.

`keys` has the checks of values, `checks`, `cross_checks` and `service_checks` those of what must fit together.
The annotations are types, not texts: msgspec would compile each (2 ms).
"""

import functools
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, json

from ..rules import program_options

Text = str | UnsetType
Texts = list[str] | UnsetType
Duration = int | float | str | UnsetType        # seconds, or 30s, 30m, 1h
Variables = dict[str, str | int] | UnsetType
Strategy = Literal["in_place", "releases"]      # tasks/rollout/recipe
Program = dict[str, str | int | bool] | UnsetType


def doc(text: str) -> Meta:
    """The text that an editor shows for a key."""
    return Meta(description=text)


# Editors offer these; `program_options` checks them.
ANY = [{"type": kind} for kind in ("string", "integer", "boolean")]
OPTIONS = Meta(extra_json_schema={"properties": {name: {"anyOf": ANY} for name in program_options.KINDS}})


class Settings(Struct, kw_only=True, forbid_unknown_fields=True):
    """Of a host: in defaults, an environment or the host; the last one wins."""

    user: Annotated[Text, doc("Who logs in there. ~/.ssh/config's unless given.")] = UNSET
    port: Annotated[int | UnsetType, doc("Of its SSH server. ~/.ssh/config's unless given.")] = UNSET
    root: Annotated[Text, doc("The folder with supervisord.conf: absolute, or ~/ for the host user's home.")] = UNSET
    supervisord_conf: Annotated[Text, doc("Below root unless absolute; supervisord.conf unless given.")] = UNSET
    state: Annotated[Text, doc("For Fabvisor's own files; below root unless absolute; .fabvisor unless given.")] = UNSET
    program_dir: Annotated[Text, doc("For program files; below root unless absolute; conf.d unless given.")] = UNSET
    sudo: Annotated[bool | UnsetType, doc("Reach supervisord and its files through sudo; false unless given.")] = UNSET
    supervisord: Annotated[Literal["own", "packaged"] | UnsetType, doc(
        "What fab setup makes: one of the user who logs in, or the distribution's package; own unless sudo is true."
    )] = UNSET
    python: Annotated[Text, doc("An interpreter on the host, 3.8 or newer; python3 unless given.")] = UNSET
    address: Annotated[Text, doc("Where to connect to; the host's name unless given.")] = UNSET
    gateway: Annotated[Text, doc("[user@]host[:port] on the way there. ~/.ssh/config's unless given.")] = UNSET
    identity_file: Annotated[Text, doc("The private key to log in with. ~/.ssh/config's unless given.")] = UNSET
    connect_timeout: Annotated[Duration, doc("Seconds, or like 30s or 1m; 10 unless given.")] = UNSET
    login_timeout: Annotated[Duration, doc("How long ~/.profile may take: seconds, or like 30s; 10 unless given."
                                           )] = UNSET
    lease: Annotated[Duration, doc("How long a host waits for a client that has gone silent before it goes back: "
                                   "seconds, or like 30s or 1m; 30 unless given.")] = UNSET
    variables: Annotated[Variables, doc("By name, for every service there.")] = UNSET


class Health(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asked on the host after a restart, until it is well: one of http, tcp and command."""

    http: Annotated[Text, doc(
        "A URL that must answer with 200 to 399, or http+unix:///PATH; ${NAME} is a variable.")] = UNSET
    tcp: Annotated[Text, doc("HOST:PORT that must accept a connection; ${NAME} is a variable.")] = UNSET
    command: Annotated[Text, doc("Must exit with 0; it has the service's variables.")] = UNSET
    status: Annotated[int | UnsetType, doc("Of http: the answer must have this status.")] = UNSET
    body: Annotated[Text, doc("Of http: a text that the answer must hold; ${REVISION} is the commit.")] = UNSET
    host: Annotated[Text, doc("Of http: the Host header to send, in place of the one of the URL.")] = UNSET
    timeout: Annotated[Duration, doc("How long it is tried: seconds, or like 30s or 1m; 30 unless given.")] = UNSET


class Hook(Struct, kw_only=True, forbid_unknown_fields=True):
    run: Annotated[str | list[str], doc("A command for bash, or a list of them.")]
    once: Annotated[bool, doc("Only on the lowest-named host on which the deploy changes something.")] = False
    on: Annotated[Literal["host", "client"], doc("Where it runs, for each host: there, or where fab runs.")] = "host"


Commands = str | list[str | Hook] | Hook | UnsetType


class Hooks(Struct, kw_only=True, forbid_unknown_fields=True):
    """Commands for bash, in the directory of the new version."""

    before_activate: Annotated[Commands, doc("When every host has built, before anything restarts on any.")] = UNSET
    after_activate: Annotated[Commands, doc("When all are healthy.")] = UNSET
    drain: Annotated[Commands, doc("On each host before its programs stop: take it out of service.")] = UNSET
    undrain: Annotated[Commands, doc("On each host once it is healthy, or back: take it into service again.")] = UNSET
    on_failure: Annotated[Commands, doc("When a deploy went back.")] = UNSET


# Keys of a program, whether a service has one or several.
Command = Annotated[Text, doc("One line, run in the service's directory (or its release), without a shell.")]
ProgramOptions = Annotated[Program, OPTIONS, doc("Further options of supervisord's [program:x].")]
ProcessCount = Annotated[int | UnsetType, doc("How many processes; each has its number in PROCESS_NUM.")]
Socket = Annotated[Text, doc(
    "tcp://HOST:PORT or unix:///PATH: supervisord listens there, and each process gets it as descriptor 0."
)]
Reload = Annotated[Text, doc("A signal such as HUP, in place of a restart where only the commit changes.")]
HealthCheck = Annotated[Health | UnsetType, doc("Asked on the host after a restart: one of http, tcp, command.")]


class OneProgram(Struct, kw_only=True, forbid_unknown_fields=True):
    """One of a service's programs."""

    command: Command = UNSET
    program: ProgramOptions = UNSET
    numprocs: ProcessCount = UNSET
    socket: Socket = UNSET
    reload: Reload = UNSET
    health: HealthCheck = UNSET
    variables: Annotated[Variables, doc("By name, for this program alone.")] = UNSET
    hosts: Annotated[Texts, doc("Globs of the hosts on which it runs; all unless given.")] = UNSET


class ServiceFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """A file that a host gets: one of source, secret and variables is its content."""

    source: Annotated[Text, doc("A path beside hosts.yaml; ${NAME} is a variable, ENVIRONMENT or HOST.")] = UNSET
    template: Annotated[bool, doc("Replace ${NAME} in the content, too, also by secrets.")] = False
    secret: Annotated[Text, doc("The name of the secret that is the content.")] = UNSET
    variables: Annotated[bool, doc("All variables and secrets, as dotenv.")] = False
    mode: Annotated[Text, doc('Such as "0640"; "0644" unless given, and "0600" with secrets in it.')] = UNSET


class Overrides(Struct, kw_only=True, forbid_unknown_fields=True):
    """A service as an environment changes it."""

    repo: Annotated[Text, doc("What git can fetch from; or a folder beside hosts.yaml, such as ./dist.")] = UNSET
    fetch: Annotated[Literal["host", "client"] | UnsetType, doc(
        "Who fetches from the git server: each host, or fab, which sends hosts what they lack; host unless given."
    )] = UNSET
    directory: Annotated[Text, doc("Below root unless absolute or ~/…; micro/<name> unless given.")] = UNSET
    subdirectory: Annotated[Text, doc("A folder of the repository: builds, hooks and programs run there.")] = UNSET
    build: Annotated[str | list[str] | UnsetType, doc("A command or a list of them, for bash.")] = UNSET
    build_on: Annotated[Literal["host", "client"] | UnsetType, doc(
        "Where the build runs: on each host, or where fab runs; host unless given.")] = UNSET
    ship: Annotated[Texts, doc("Paths that a build on the client makes, and that travel with the commit.")] = UNSET
    fetch_timeout: Annotated[Duration, doc("Seconds, or like 90s or 1h; 10m unless given.")] = UNSET
    build_timeout: Annotated[Duration, doc("Seconds, or like 90s or 1h; 30m unless given.")] = UNSET
    command: Command = UNSET
    programs: Annotated[dict[str, OneProgram | None] | UnsetType, doc(
        "By name, where the service has several; in place of command, program, health and numprocs.")] = UNSET
    program: ProgramOptions = UNSET
    numprocs: ProcessCount = UNSET
    socket: Socket = UNSET
    reload: Reload = UNSET
    strategy: Annotated[Strategy | UnsetType, doc("in_place unless given; releases: a folder for each commit.")] = UNSET
    shared: Annotated[Texts, doc("Paths below directory that all releases share; a folder ends in /.")] = UNSET
    shared_directory: Annotated[Text, doc("The folder of directory that holds them, such as shared.")] = UNSET
    keep_releases: Annotated[int | UnsetType, doc("How many good ones stay for a rollback; 5 unless given.")] = UNSET
    health: HealthCheck = UNSET
    requires: Annotated[Texts, doc("Paths that the commit must have, or nothing is touched.")] = UNSET
    variables: Annotated[Variables, doc("By name, for the program, the build and the health command.")] = UNSET
    secrets: Annotated[list[str] | dict[str, str | None] | UnsetType, doc(
        "Names of secrets; or each with the name that its value has elsewhere. No values.")] = UNSET
    files: Annotated[dict[str, str | ServiceFile] | UnsetType, doc(
        "By path below directory: a file beside hosts.yaml, or what else its content is.")] = UNSET
    hooks: Annotated[Hooks | UnsetType, doc("Commands for before and after what is new is activated.")] = UNSET


class Service(Overrides, kw_only=True, forbid_unknown_fields=True):
    """A service: built from one repository, and kept running by supervisord."""

    repo: Annotated[str, doc("What git can fetch from; or a folder beside hosts.yaml, such as ./dist.")]


class Host(Settings, kw_only=True, forbid_unknown_fields=True):
    """A host, and what runs there."""

    services: Annotated[list[str] | dict[str, Overrides | None] | UnsetType, doc(
        "A list of the services that run there; or names with what differs there, where all run.")] = UNSET


class Notification(Struct, kw_only=True, forbid_unknown_fields=True):
    """Told how a deploy or a rollback ended: one of webhook and run."""

    webhook: Annotated[Text, doc("The name of a secret: a URL that takes JSON with `text`, as Slack's.")] = UNSET
    run: Annotated[Text, doc("A command for bash where fab runs, with the event `finished` on standard input.")] = UNSET
    on: Annotated[list[Literal["failed", "committed"]] | UnsetType, doc("Which endings; both unless given.")] = UNSET


class Environment(Settings, kw_only=True, forbid_unknown_fields=True):
    """A branch, the hosts that it goes to, and what differs there."""

    branch: Annotated[Text, doc("What is deployed unless --revision says otherwise.")] = UNSET
    run_mode: Annotated[Text, doc("The program's RUN_MODE; the environment's name unless given.")] = UNSET
    url: Annotated[Text, doc("Where the result can be seen; GitLab's environment links to it.")] = UNSET
    secrets_from: Annotated[Text, doc(
        "A command that prints secrets where fab runs, as dotenv or JSON; ${ENVIRONMENT} is the environment.")] = UNSET
    services: Annotated[list[str] | dict[str, Overrides | None] | UnsetType, doc(
        "A list of names, or names with what differs here; all unless given.")] = UNSET
    hosts: Annotated[list[str] | dict[str, Host | None] | UnsetType, doc(
        "A list of names, or names with what differs.")] = UNSET
    notify: Annotated[Notification | list[Notification] | UnsetType, doc(
        "Who is told how a deploy or a rollback ended.")] = UNSET
    serial: Annotated[int | str | list[int | str] | UnsetType, doc(
        'How many hosts restart at a time: 1, "25%" or [1, "50%"]. The default is one host, then all others.'
    )] = UNSET
    pause: Annotated[Duration, doc("How long these must stay well before the next ones restart: seconds, or like 30s "
                                   "or 1m; 0 unless given.")] = UNSET
    confirm: Annotated[bool, doc("Ask before a deploy or a rollback.")] = False
    sandbox: Annotated[bool, doc("On two hosts that are started on this machine.")] = False


class File(Struct, kw_only=True, forbid_unknown_fields=True):
    """The whole file: which services run on which hosts."""

    default_environment: Annotated[Text, doc("When neither --env, FAB_ENV nor CI_ENVIRONMENT_NAME names one.")] = UNSET
    defaults: Annotated[Settings | UnsetType, doc("Settings of a host; an environment or a host may differ.")] = UNSET
    services: Annotated[dict[str, Service], doc("What is deployed, by name.")]
    environments: Annotated[dict[str, Environment], doc("Where to, by name.")]


@functools.cache
def json_schema() -> dict[str, Any]:
    """The JSON schema of hosts.yaml, for editors and for `shape`. To make it takes 5 ms."""
    return json.schema(File)
