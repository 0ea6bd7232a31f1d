"""The protocol: every message by direction, the arguments of every action, and what both sides must agree on.

A message is one JSON object on one line. `do` names what the client says, `event` what a host says. The client's
first message holds its settings and chooses the verb; every host ends its conversation with one ending.

    client                              every host                                           its peer then is
    RolloutSettings ──────────────────▶ lock all services in name order, without waiting     GREETED
                    ◀────────────────── Locked, Resolved (where it was asked), Facts         READY
                    ◀────────────────── Refused: somebody else holds a lock                  REFUSED
    Unlock, Retry ────────────────────▶ release the locks; lock and look once more           GREETED
    Plan ─────────────────────────────▶ write the journal, run the phases that it names      PLANNED
    Run ──────────────────────────────▶ run a further phase; `activate` comes batch after batch
                    ◀────────────────── PackWanted, where the client carries the commit
    PackChunk, again and again ───────▶ git takes it: PackTaken, after each
                    ◀────────────────── Done, after each phase
    Commit ───────────────────────────▶ write the history, remove the journal
                    ◀────────────────── Committed                                            ENDED
                    ◀────────────────── Failed; then it undoes what was begun: Restored      ENDED
                    ◀────────────────── Undone, before that, where the client has hooks
    Undrained ────────────────────────▶ they have run
    Abort, end of input, lapsed lease ▶ undo what was begun: Restored                        ENDED
    End ──────────────────────────────▶ nothing was planned: release the locks, Ended        ENDED

PlanSettings begins a dry run: it takes no lock, and Compare stands in the place of Plan. The other verbs only read.
Both send Beat four times a lease. A host that cannot go on ends with Problem.

Of the executor, the client's half of a conversation imports this module and nothing else. Both sides check what they
hear against it: the host in message_check.py, the client in rollout/protocol.py. Every field is there, null where
nothing is known; only those of a class with `total=False` may be missing. The module is sent to hosts: standard
library, Python 3.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, Tuple, Union

if TYPE_CHECKING:
    from typing import TypedDict
else:
    class TypedDict(dict):
        """A plain dict when it runs: making so many of typing's own would cost every start of an executor 4 ms."""

        def __init_subclass__(cls, total=True):
            cls.total = total

# message_check.py evaluates the annotations: they are as Python 3.8 can.

# --- constants -------------------------------------------------------------------------------------------------------

Phase = Literal["prepare", "before", "activate", "recheck", "after"]
# In this order. Each is over on every host before the next begins on any, but `activate` and `recheck`: these two run
# batch after batch. Only the first leaves what runs alone.
PHASES: Tuple[Phase, ...] = ("prepare", "before", "activate", "recheck", "after")

# States of supervisord (supervisor.states) in which a process exists, or will without a further command.
UP = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")
# Also EXITED: supervisord may be about to start it again (autorestart), so `fab stop` has something to stop.
STOPPABLE = (*UP, "EXITED")

# What Fabvisor itself puts into a service directory; git must overlook it.
OWN_NAMES = ("logs", "releases", "current")

# What lies in the state folder beside the folders of the services.
STATE_NAMES = JOURNALS, RUNS, RELOAD_LOCK = ("journal", "runs", "supervisord.lock")

# The beginning of every program file that Fabvisor writes.
PROGRAM_HEADER = "; Written by Fabvisor"

# The second line of an environment file names its secrets. No value of a variable can pass for it there.
SECRET_NAMES = "# Secrets among them: "
ASIDE = ".fabvisor.new"               # ends the name of a file, behind a dot and its own name, until it is whole
MASK = "***"                          # stands for a secret, wherever text is shown or logged
SHORTEST_SECRET = 4                     # characters; anything shorter is part of too many words to be replaced

# The flags of a file that is still to be merged, in `git status --short`.
UNMERGED = ("DD", "AU", "UD", "UA", "DU", "AA", "UU")

# An oddity of `status`, and a finding of `doctor`.
INTERRUPTED = "deploy {deploy} by {by} was interrupted and is not undone yet"
# `git rev-parse TAG` prints such a name, and some CI servers pass it on.
IS_TAG = "{} is the name of an annotated tag, not of a commit"
# Of a service that `fab remove` took off the host: by the line of its history.
REMOVED = "removed by {by} at {at}"

# What `setup` wants to know of a host: which of these are in its PATH.
SETUP_PROGRAMS = ("git", "ssh-keygen", "crontab", "systemctl", "sudo")

BEATS_PER_LEASE = 4
LINE_LIMIT = 16 * 2**20                 # bytes

# Text that is a secret. The client holds it as inventory.secret.Secret until the message is encoded.
SecretText = Any


# --- the client's first message: settings, by verb -------------------------------------------------------------------

class Place(TypedDict):
    """The paths of a host, from hosts.yaml; relative paths are below `root`. `sudo`: what is supervisord's is reached
    through sudo. Journals of older versions have no `sudo`."""

    root: str
    supervisord_conf: str
    program_dir: str
    state: str
    sudo: bool


class GitLogin(TypedDict):
    """A user and a password or token of the git server."""

    user: SecretText
    password: SecretText


class ProgramSettings(TypedDict):
    """A program that hosts.yaml names. `group`: supervisord's name of it; `processes`: the names of its processes,
    without the group; `user`: as whom it shall run, null where hosts.yaml does not say; `socket`: on which supervisord
    listens for it, tcp://HOST:PORT or unix:///PATH, null where there is none; `logs`: where its processes
    write, absolute or below the service's directory, as far as hosts.yaml tells."""

    group: str
    processes: List[str]
    user: Optional[str]
    socket: Optional[str]
    logs: List[str]


class ServiceSettings(TypedDict):
    """`repo`: without the password that its URL may have, which is in `login`. `revision`: what this host shall resolve
    to a commit, or look for; null where another host does, or nobody. `fetch_timeout`: seconds. `subdirectory`: of the
    commit, where builds and programs run; empty at its top. `files`: paths that `files` of hosts.yaml names."""

    name: str
    directory: str
    subdirectory: str
    repo: str
    login: Optional[GitLogin]
    fetch_timeout: float
    shared: List[str]
    files: List[str]
    programs: List[ProgramSettings]
    revision: Optional[str]


class Settings(TypedDict):
    """Of every verb. `lease`: after so many seconds of silence either side gives the other up; `login_timeout`: seconds
    that the login shell may take to tell its environment; `sudo_password`: null where nobody gave one."""

    place: Place
    sudo_password: Optional[SecretText]
    lease: float
    login_timeout: float
    services: List[ServiceSettings]


class DeploySettings(Settings):
    """`deploy`: the id of this run; `since`: ISO 8601 in UTC. `ports`: by group, the port in the variable PORT of each
    program that is refused where another process holds it."""

    deploy: str
    by: str
    command: str
    since: str
    ports: Dict[str, int]


# What to do with an interrupted deploy whose undo fails: stop; let this deploy take its place; or keep what is there.
Unfinished = Literal["undo", "replace", "accept"]


class RolloutSettings(DeploySettings):
    """With `accept` no undo is tried at all. `keeps_version`: the command is about what the last deploy left, wherever
    that is: hosts.yaml may name another directory since then."""

    do: Literal["rollout"]
    unfinished: Unfinished
    keeps_version: bool


class PlanSettings(DeploySettings):
    do: Literal["plan"]


class StatusSettings(Settings):
    """`watch`: look again and again, and tell what has changed. `named`: all services that hosts.yaml has on this host:
    tell which others were deployed there; null: do not look for them."""

    do: Literal["status"]
    watch: bool
    named: Optional[List[str]]


class HeadsSettings(Settings):
    do: Literal["heads"]


class AskSettings(Settings):
    """How did this deploy end? `timeout`: seconds to wait while its executor is still at work."""

    do: Literal["ask"]
    deploy: str
    timeout: float


class HistorySettings(Settings):
    """`lines`: the newest so many of each service."""

    do: Literal["history"]
    lines: int


class LogsSettings(Settings):
    """`lines`: the last so many, null for all; `grep`: a regular expression; `marks`: by process and stream, where an
    earlier connection stopped reading."""

    do: Literal["logs"]
    lines: Optional[int]
    grep: Optional[str]
    follow: bool
    marks: Dict[str, Dict[str, List[Any]]]


class RunsSettings(Settings):
    """Which deploys have a run log? Show then chooses one."""

    do: Literal["runs"]
    lines: Optional[int]
    grep: Optional[str]


class DoctorSettings(Settings):
    """What hinders a deploy? `host`: its name in hosts.yaml; `named`: all services that it has there; `fetching`: those
    whose repository the host itself fetches from; `ports`: as of a deploy; `asked`: by service the TCP ports of
    the host that its health checks ask; `tools`: by service the command that its build begins with, where PATH should
    lead to it."""

    do: Literal["doctor"]
    host: str
    named: List[str]
    fetching: List[str]
    ports: Dict[str, int]
    asked: Dict[str, List[int]]
    tools: Dict[str, str]


class SetupSettings(Settings):
    """What has the host? Perform then says what to run."""

    do: Literal["setup"]


class RunSettings(Settings):
    """Run this command line of the user, with sh, for `timeout` seconds at most: below the root, or where `service`
    runs, with its environment and these `variables`, which its environment file lacks."""

    do: Literal["run"]
    command: str
    service: Optional[str]
    variables: Dict[str, str]
    timeout: float


class AdoptSettings(Settings):
    """What does supervisord keep running? `root`, `supervisord_conf`: where it is, null for the usual places."""

    do: Literal["adopt"]
    root: Optional[str]
    supervisord_conf: Optional[str]


FirstMessage = Union[RolloutSettings, PlanSettings, StatusSettings, HeadsSettings, AskSettings, HistorySettings,
                     LogsSettings, RunsSettings, DoctorSettings, SetupSettings, AdoptSettings, RunSettings]


# --- what the client says then ---------------------------------------------------------------------------------------

class ActionCall(TypedDict):
    """`action`: a name in ARGUMENTS, which has the type of its `args`."""

    action: str
    args: Dict[str, Any]


class StepMessage(TypedDict):
    """`undo_last`: its undo runs after all the others (what a first deploy created); `undo_at`: the step in whose place
    its undo runs, null for its own."""

    name: str
    phase: Phase
    action: str
    args: Dict[str, Any]
    undo: Optional[ActionCall]
    undo_last: bool
    undo_at: Optional[str]


class ServicePlan(TypedDict):
    """`record` becomes the line of the history; `tidy` runs after the commit, `on_failure` once all is undone, both
    best effort. `hook_env`: an environment file with the secrets of hooks, null where no hook needs one.
    `client_drains`: hooks of the client take the host out of service, and into it again."""

    record: Dict[str, Any]
    steps: List[StepMessage]
    tidy: Optional[ActionCall]
    on_failure: Optional[ActionCall]
    hook_env: Optional[SecretText]
    client_drains: bool


class Plan(TypedDict):
    """`phases`: those to run at once. The host undoes what it began unless Commit follows."""

    do: Literal["plan"]
    services: Dict[str, ServicePlan]
    phases: List[Phase]


class Run(TypedDict):
    do: Literal["run"]
    phases: List[Phase]


class Commit(TypedDict):
    do: Literal["commit"]


class Abort(TypedDict):
    """At any time, and read ahead of all that waits. `reached`: false where others were activated, not this one."""

    do: Literal["abort"]
    why: str
    reached: bool


class Undrained(TypedDict):
    """Answers Undone: the host is in service again, by the hooks of the client."""

    do: Literal["undrained"]


class Unlock(TypedDict):
    """Another host refused: nobody waits while it holds a lock."""

    do: Literal["unlock"]


class Retry(TypedDict):
    """Do what the first message asked for once more."""

    do: Literal["retry"]


class End(TypedDict):
    do: Literal["end"]


class Comparison(TypedDict):
    """`fetch`: whether the host may ask the git server for the commit; `in_place`: whether a deploy would check it
    out in the clone itself, and refuse untracked files in its way; `revision` and `files` as in Fetch; `shown`: of
    these files show what is there."""

    was: Optional[str]
    commit: str
    revision: str
    requires: List[str]
    files: List[str]
    shown: List[str]
    fetch: bool
    in_place: bool


class Compare(TypedDict):
    """Only in a dry run: the way from `was` to `commit`, and what of `requires` the commit lacks."""

    do: Literal["compare"]
    services: Dict[str, Comparison]


class Show(TypedDict):
    """Answers Runs: the run log of this deploy."""

    do: Literal["show"]
    deploy: str


class PackChunk(TypedDict):
    """A piece of the pack that PackWanted asked for. `data`: base64; `last`: the pack ends with this piece."""

    do: Literal["pack"]
    data: str
    last: bool


class SetupStep(TypedDict):
    """`script`: for sh, which stops at the first line that fails; `as_root`: through sudo, where we are not root."""

    name: str
    script: str
    as_root: bool


class Perform(TypedDict):
    """Answers HostFacts: run these steps, one after the other."""

    do: Literal["perform"]
    steps: List[SetupStep]


class ClientBeat(TypedDict):
    do: Literal["beat"]


FurtherMessage = Union[Plan, Run, Commit, Abort, Undrained, Unlock, Retry, End, Compare, Show, PackChunk, Perform,
                       ClientBeat]
ClientMessage = Union[FirstMessage, FurtherMessage]

# The same by their names, for the checks of both sides.
VERBS: Dict[str, Any] = {
    "rollout": RolloutSettings, "plan": PlanSettings, "status": StatusSettings, "heads": HeadsSettings,
    "ask": AskSettings, "history": HistorySettings, "logs": LogsSettings, "runs": RunsSettings,
    "doctor": DoctorSettings, "setup": SetupSettings, "adopt": AdoptSettings, "run": RunSettings}
Verb = Literal["rollout", "plan", "status", "heads", "ask", "history", "logs", "runs", "doctor", "setup", "adopt",
               "run"]
# By verb, the module of the executor and its function. A host is sent what that module imports.
VERB_FUNCTIONS: Dict[Verb, Tuple[str, str]] = {
    "rollout": ("verbs.participant", "rollout"), "plan": ("verbs.plan", "plan"), "status": ("verbs.queries", "status"),
    "heads": ("verbs.queries", "heads"), "ask": ("verbs.queries", "ask"), "history": ("verbs.queries", "history_of"),
    "logs": ("logs.logs", "logs"), "runs": ("logs.logs", "runs"),
    "doctor": ("verbs.doctor", "doctor"), "setup": ("verbs.setup", "setup"), "adopt": ("adoption.adopt", "adopt"),
    "run": ("verbs.run_command", "run")}
FURTHER: Dict[str, Any] = {
    "plan": Plan, "run": Run, "commit": Commit, "abort": Abort, "undrained": Undrained, "unlock": Unlock,
    "retry": Retry, "end": End, "compare": Compare, "show": Show, "pack": PackChunk, "perform": Perform,
    "beat": ClientBeat}


# --- the arguments of actions ----------------------------------------------------------------------------------------
# Journals of interrupted deploys hold the names of undos and their arguments: they stay readable (fields are added).

class Fetch(TypedDict):
    """`revision`: what the user typed; the host sees for itself that the commit is in that branch or tag. `files`: the
    paths of PlaceFiles, at which the commit has nothing."""

    commit: str
    revision: str
    requires: List[str]
    files: List[str]


class RepositoryCommit(TypedDict):
    repo: str
    commit: str


class Receive(TypedDict):
    """As Fetch, from the client: `parts` are the service's repository and those of its submodules, each with the
    commit that is needed of it; `branch` is null for a tag or a bare commit."""

    commit: str
    branch: Optional[str]
    requires: List[str]
    files: List[str]
    parts: List[RepositoryCommit]


class RemoveClone(TypedDict):
    """Undoes the first Fetch. `existed`: the directory; `keep`: what lay in it."""

    existed: bool
    keep: List[str]


class Checkout(TypedDict):
    """`carried`: the submodules came from the client, too; no git server is asked for them. `replaces`: the commit
    holds a build, and untracked files that an earlier build left in its way are stashed."""

    commit: str
    set_aside: bool
    carried: bool
    replaces: bool


class CheckoutBack(TypedDict):
    """`commit`: null where the clone had none."""

    commit: Optional[str]
    branch: Optional[str]
    set_aside: bool


class PlacedFile(TypedDict):
    """`path`: below the service's directory; `data`: base64; `secrecy`: how much of the content is secret."""

    path: str
    data: SecretText
    mode: int
    secrecy: Literal["none", "parts", "all"]


class PlaceFiles(TypedDict):
    """Files of the service that are in no commit. `users`: of its programs, who may read them all; `set_aside`: keep
    copies of those that somebody edited; else they are refused."""

    files: List[PlacedFile]
    users: List[str]
    set_aside: bool


class PlaceReleaseFiles(PlaceFiles):
    """`digest` and `complete` as in CheckoutRelease."""

    release: str
    digest: str
    complete: bool


class PlaceFilesBack(TypedDict):
    """`paths`: which are backed up, beside those that an earlier deploy wrote."""

    paths: List[str]


class BuildCommands(TypedDict):
    commands: List[str]
    variables: Dict[str, str]
    timeout: float


class Build(BuildCommands, total=False):
    """`certain`, of an undo: the version before was built in this way; else that is only likely, and no history says
    it. `subdirectory`: of the commit, where the commands run; none in the journals of older versions."""

    certain: bool
    subdirectory: str


class CheckoutOfRelease(TypedDict):
    """`digest`: of what makes two builds of one commit differ; `complete`: there is nothing to build."""

    release: str
    commit: str
    digest: str
    shared: List[str]
    set_aside: bool
    complete: bool
    carried: bool


class CheckoutRelease(CheckoutOfRelease, total=False):
    """`shared_directory`: the folder of the service directory that holds the shared paths; `as_it_is`: the release is
    taken with the files that it has, and not made anew."""

    shared_directory: str
    as_it_is: bool


class BuildRelease(Build):
    release: str
    digest: str


class RemoveRelease(TypedDict):
    release: str


class SwitchRelease(TypedDict):
    """`release`: what `current` shall point to; null: nothing."""

    release: Optional[str]


class Switch(SwitchRelease, total=False):
    """`target`, of an undo: what the link held, where that was no release of ours."""

    target: str


class TidyReleases(TypedDict):
    keep: int


class HookBack(TypedDict):
    """A hook on the way back. A journal holds no secrets: they are in the file of `hook_env` meanwhile."""

    directory: str
    commands: List[str]
    variables: Dict[str, str]
    timeout: float


class Hook(HookBack):
    secrets: Dict[str, SecretText]


class Purge(TypedDict):
    """Of a service that was removed: all that is left of it, but for `keep`, names in its directory."""

    keep: List[str]


class ProgramFiles(TypedDict):
    program_file: str
    env_file: SecretText


class NoArguments(TypedDict):
    pass


class ProgramStop(TypedDict):
    """`group`: supervisord's name of the program, here and below; `patience`: seconds for it to stop."""

    group: str
    patience: float


class Stop(TypedDict):
    programs: List[ProgramStop]


class ProcessIdentity(TypedDict):
    """`start`: seconds since 1970. A pid alone may come again."""

    name: str
    pid: Optional[int]
    start: Optional[int]


class IdleProcess(TypedDict):
    """One that did not run; `state` is supervisord's word, and `start` when it last began. `exit_status`: of one that
    has EXITED; null where a signal ended it."""

    name: str
    state: str
    start: Optional[int]
    exit_status: Optional[int]


class ProgramState(TypedDict):
    """`was`: RUNNING, STOPPED or absent; `state`: supervisord's word; `processes`: those that ran."""

    group: str
    was: str
    state: str
    processes: List[ProcessIdentity]
    patience: float
    startsecs: float


class ProgramWas(ProgramState, total=False):
    """`idle`: those that did not run; journals of old versions have none. `unproven`: those that ran, but not for so
    long as they would have to after a deploy. `renew` as in ProgramRestart; `signalled`: the same process may run
    another version now."""

    idle: List[IdleProcess]
    unproven: List[str]
    renew: bool
    signalled: bool


class ProgramVerify(TypedDict):
    """`exitcodes`: with which the program may end at once; null for one that must stay up."""

    group: str
    startsecs: float
    exitcodes: Optional[List[int]]


class Verify(TypedDict):
    programs: List[ProgramVerify]


class ProgramHealth(TypedDict):
    """`health`: null for a program without a check, which must only be up."""

    group: str
    health: Optional[Dict[str, Any]]
    variables: Dict[str, str]


class Health(TypedDict):
    programs: List[ProgramHealth]


class Recheck(Health):
    seconds: float


class ProgramBack(TypedDict):
    """`health`: checks of programs that ran; a host enters service again once they pass. Journals of old versions have
    none, and very old ones one program's fields in the place of `programs`, with its `pid` and `start`."""

    programs: List[ProgramWas]
    health: List[ProgramHealth]


class ProgramRestart(ProgramStop, total=False):
    """`socket`: as in ProgramSettings; the processes of such a program restart one after the other where supervisord
    keeps their group, and each passes `verify` and `health` before the next. `renew`: supervisord may not see that the
    program file changed, so its group is replaced. `signal`: sent in place of the restart. `goes_on`: processes that
    run, and are not restarted where supervisord keeps their group."""

    socket: str
    verify: ProgramVerify
    health: ProgramHealth
    renew: bool
    signal: str
    goes_on: List[str]


class Restart(TypedDict):
    """`removed`: programs that the service has no longer."""

    programs: List[ProgramRestart]
    removed: List[ProgramStop]


ARGUMENTS: Dict[str, Any] = {
    "fetch": Fetch, "receive": Receive, "remove_clone": RemoveClone,
    "checkout": Checkout, "checkout_back": CheckoutBack, "build": Build,
    "checkout_release": CheckoutRelease, "build_release": BuildRelease, "remove_release": RemoveRelease,
    "switch": Switch, "tidy_releases": TidyReleases,
    "place_files": PlaceFiles, "place_files_back": PlaceFilesBack, "place_release_files": PlaceReleaseFiles,
    "hook": Hook, "drain_back": HookBack, "undrain_back": HookBack, "on_failure": HookBack,
    "program": ProgramFiles, "files_back": NoArguments, "remove_program": NoArguments,
    "require_purgeable": NoArguments, "purge": Purge,
    "restart": Restart, "stop": Stop, "program_back": ProgramBack, "verify": Verify, "health": Health,
    "recheck": Recheck,
}


# --- what a host says: of a deploy -----------------------------------------------------------------------------------

class Recovered(TypedDict):
    """An interrupted deploy that was finished first. `result`: committed or restored; accepted, where what it left is
    kept; replaced, where its undo fails and this deploy takes its place."""

    deploy: str
    by: Optional[str]
    result: str
    services: List[str]


class Locked(TypedDict):
    event: Literal["locked"]
    recovered: List[Recovered]


class Holder(TypedDict, total=False):
    """The holder of a lock, as far as its file tells. `commit`: by service, what is deployed."""

    deploy: str
    by: str
    command: str
    since: str
    commit: Dict[str, Optional[str]]
    restoring: bool
    pid: int
    start: Optional[int]


class Refused(TypedDict):
    event: Literal["refused"]
    service: str
    holder: Holder


class CommitInfo(TypedDict):
    commit: str
    author: str
    subject: str


class Distance(TypedDict):
    """From what is on the disk to a commit: how many are left behind (`back`) and added (`forward`), null where
    nobody can tell; of each the newest."""

    back: Optional[int]
    forward: Optional[int]
    dropped: List[CommitInfo]
    commits: List[CommitInfo]
    subject: str


class Resolved(Distance):
    """`branch`: null for a tag or a bare commit. `subtree`: as in ServiceFields, of this commit."""

    event: Literal["resolved"]
    service: str
    revision: str
    commit: str
    branch: Optional[str]
    subtree: Optional[str]


class ProblemFields(TypedDict):
    """`kind`: of executor/errors.py; `hint`: the next thing to type."""

    kind: str
    message: str
    hint: str


class ProblemInfo(ProblemFields, total=False):
    """`trace`: of a bug."""

    trace: str


class NotReady(TypedDict):
    """Something must be put right first; nothing was changed."""

    event: Literal["not_ready"]
    problems: List[ProblemInfo]


class StepStarted(TypedDict):
    event: Literal["step_started"]
    service: str
    step: str


class Output(TypedDict):
    event: Literal["output"]
    service: str
    step: str
    line: str


class StepFinished(TypedDict):
    """`stopped`: it did not fail by itself, the deploy was ended meanwhile."""

    event: Literal["step_finished"]
    service: str
    step: str
    ok: bool
    changed: bool
    seconds: float
    why: Optional[str]
    stopped: bool


class HostState(TypedDict):
    """The host is busy: recovering, restoring or waiting."""

    event: Literal["host_state"]
    state: str
    detail: str


class PackWanted(TypedDict):
    """Send a pack with `commit` of a repository; `known`: commits that are here with all that they need."""

    event: Literal["pack_wanted"]
    service: str
    repo: str
    commit: str
    known: List[str]


class PackTaken(TypedDict):
    """One more PackChunk was taken: the client keeps only a few of them under way."""

    event: Literal["pack_taken"]
    service: str


class Done(TypedDict):
    """All steps of this phase are over."""

    event: Literal["done"]
    phase: Phase


class Failed(ProblemInfo):
    """The step failed; what was begun is undone, and Restored follows."""

    event: Literal["failed"]
    step: str


class Undone(TypedDict):
    """The version before runs, and hooks of the client may be due: Undrained or End is awaited, then Restored follows.
    """

    event: Literal["undone"]


class Compared(Distance):
    """Answers Compare. `obstacles`: what a checkout of the commit would be refused for; `variables`: digests of the
    values in the environment file, `secrets`: names among them; `tracked`: those of `files` at which the commit has
    something; `files`: the text of those to be `shown`, as far as we wrote it and it holds no secret."""

    event: Literal["compared"]
    service: str
    missing: List[str]
    tracked: List[str]
    obstacles: List[str]
    secrets: List[str]
    variables: Dict[str, str]
    files: Dict[str, str]


# --- what a host says: of what is there ------------------------------------------------------------------------------

class ProcessState(TypedDict):
    """A process of a program. `name`: supervisord's, without the group; `state`: its word, absent (it knows no such
    program) or UNKNOWN (it is down). `start` and `now`: seconds since 1970 by the host's clock; `log`: where its output
    goes, and `error_log` where its standard error does, empty: nowhere, null: supervisord does not say;
    `user`: whose process it is, null for the user who logs in; `exit_status`: of one that has EXITED, null where a
    signal ended it."""

    name: str
    state: str
    pid: Optional[int]
    start: Optional[int]
    now: Optional[int]
    why: str
    hint: str
    log: Optional[str]
    error_log: Optional[str]
    user: Optional[str]
    exit_status: Optional[int]


class ReleaseState(TypedDict):
    """`digest`: null where the release was never completed. `commit`, of a release that another tool made: as far as it
    is known, else empty; null for a release of ours, whose name has it."""

    name: str
    digest: Optional[str]
    in_use: bool
    commit: Optional[str]


class PlacedFileState(TypedDict):
    """`sha256` and `mode`: null where no file lies there; `written`, `written_mode`: the same of what a deploy wrote,
    null where it wrote nothing; `problem`: what stands in its way, such as a link."""

    sha256: Optional[str]
    mode: Optional[int]
    written: Optional[str]
    written_mode: Optional[int]
    problem: str


class CloneState(TypedDict):
    """As the fields of these names in ServiceFields."""

    commit: Optional[str]
    branch: Optional[str]
    edited: List[str]
    files: Dict[str, PlacedFileState]


# Lines of executor/state/history.py. Of `history`: deploy, at, by, command, branch, from, to, result, was_running. Of
# `committed`, the newest that was committed: all of its fields, {} where there is none.
HistoryLine = Dict[str, Any]


class ServiceFields(TypedDict):
    """One service on one host. Paths are absolute; `edited` holds lines of `git status --short`; `current` is the
    release that the link of that name points to, `current_target` what that link holds; `clone_state` is that of
    the clone itself, where a release runs; `programs`, by group, are those that hosts.yaml names and those in our
    program file; `logs` is the folder of their logs; `login_path` is PATH of the login, for programs, null where it
    is not known; `machine` is what `uname -m` says; `program_folder` tells the folder of program files from that of
    any other machine, empty where it is not there; `login` is the user who logs in; `handwritten` is the command
    that runs the program by the file that a person wrote and the first deploy kept, null where it kept none;
    `written_directory` is where the programs run by their program file, null where it says nothing; `subtree` is
    git's hash of the service's subdirectory in `commit`, null where it has none; `files`, by path, are those that
    hosts.yaml names and those that we wrote, in the tree that the program runs in; `default_user` is written to a
    program file that hosts.yaml gives no user, null where supervisord's own will do; `drained_by` is the deploy
    that ended without its hooks on the client: the host may be out of service."""

    directory: str
    directory_exists: bool
    clone: bool
    foreign: bool
    contents: List[str]
    commit: Optional[str]
    subtree: Optional[str]
    branch: Optional[str]
    edited: List[str]
    files: Dict[str, PlacedFileState]
    strategy: Optional[str]
    clone_state: Optional[CloneState]
    current: Optional[str]
    current_target: Optional[str]
    releases: List[ReleaseState]
    program_file: Optional[str]
    program_path: str
    written_directory: Optional[str]
    env_path: str
    env_sha256: Optional[str]
    login_path: Optional[str]
    programs: Dict[str, List[ProcessState]]
    started_from: Optional[str]
    committed: HistoryLine
    history: List[HistoryLine]
    logs: str
    default_user: Optional[str]
    drained_by: Optional[str]
    handwritten: Optional[str]
    machine: str
    program_folder: str
    login: str


class ServiceFacts(ServiceFields, total=False):
    """Further fields of `status` and `plan`: `due` and `due_by` are interrupted deploys that are still to be undone;
    `obstacles` is what a change would be refused for; `words` are a dying program's last lines, by group."""

    due: List[str]
    due_by: List[str]
    obstacles: List[str]
    holder: Holder
    unloaded: bool
    words: Dict[str, List[str]]


class AdoptedClone(TypedDict):
    """The git clone that a program runs in. `subdirectory`: of it; `ci`: its .gitlab-ci.yml; empty: not there.
    `releases`: it is the folder of another tool's releases, which link to the paths `shared` in `shared_directory`."""

    directory: str
    subdirectory: str
    repo: str
    branch: str
    ci: str
    releases: bool
    shared_directory: str
    shared: List[str]


class AdoptedProgram(TypedDict):
    """A [program:x], its options as supervisord expands them. `group`: the [group:x] that has it, or its own name;
    `variables`: of its `environment=`, and PATH of supervisord where that is not the login's; `expanded`: those whose
    values its options hold by %(ENV_X)s; `is_ours`: Fabvisor wrote its file; `link`: where
    its file leads, if that is a link; `directory`: where it runs, or the top of
    the clone that its command names; `problem`: why its options cannot be told.
    """

    name: str
    group: str
    path: str
    link: str
    line: int
    is_ours: bool
    options: Dict[str, str]
    variables: Dict[str, str]
    expanded: Dict[str, str]
    directory: str
    problem: str
    clone: Optional[AdoptedClone]


class Adopted(TypedDict):
    """Answers AdoptSettings. `program_dirs`: the endings of program files, by the folders that take one of any name;
    `supervisord`: the user that it runs as, null where nobody can tell; `has_path`: whether its PATH is known;
    `writable`: of the folders of clones, of program files and of supervisord.conf, and of all above them, those that
    the login user can write in."""

    event: Literal["adopted"]
    supervisord_conf: str
    program_dirs: Dict[str, str]
    login: str
    home: str
    supervisord: Optional[str]
    has_path: bool
    writable: List[str]
    programs: List[AdoptedProgram]


class Facts(TypedDict):
    event: Literal["facts"]
    services: Dict[str, ServiceFacts]


class Orphan(TypedDict):
    """A service that was deployed here, and that hosts.yaml does not name any more. `directory`: absolute, empty where
    it is not known; `programs`: by group, those of its program file; none where `fab remove` took that away."""

    name: str
    directory: str
    strategy: str
    programs: Dict[str, List[ProcessState]]


class Orphans(TypedDict):
    event: Literal["orphans"]
    services: List[Orphan]


class Odd(TypedDict):
    """Why a service could not be looked at."""

    event: Literal["odd"]
    service: str
    message: str
    hint: str


class Looked(TypedDict):
    """Of `status --watch`: all that has changed was told."""

    event: Literal["looked"]


class Heads(TypedDict):
    """By service the commit that is on the disk."""

    event: Literal["heads"]
    now: Dict[str, Optional[str]]


class History(TypedDict):
    """Also `from`, a keyword of Python: the commit before, or null."""

    event: Literal["history"]
    service: str
    deploy: Optional[str]
    at: Optional[str]
    by: Optional[str]
    command: Optional[str]
    to: Optional[str]
    result: Optional[str]
    why: Optional[str]
    revision: Optional[str]
    branch: Optional[str]
    batch: Optional[int]
    fabvisor: Optional[str]
    source: Optional[str]


class Outcome(TypedDict):
    """Answers AskSettings. `busy`: its executor is still at work; `due`: its journal is still to be undone."""

    event: Literal["outcome"]
    service: str
    result: Optional[str]
    why: Optional[str]
    busy: bool
    due: bool
    now: Optional[str]


class Runs(TypedDict):
    event: Literal["runs"]
    deploys: List[str]


class Log(TypedDict):
    """`process`: its name without the group; where several write to one log, the program or the service. `stream`:
    stdout or stderr. Both are empty in a run log. `mark`: where to go on reading after this line."""

    event: Literal["log"]
    service: str
    process: str
    stream: str
    line: str
    mark: List[Any]


class Mark(TypedDict):
    event: Literal["mark"]
    service: str
    process: str
    stream: str
    mark: List[Any]


class Clock(TypedDict):
    """The first answer to DoctorSettings. `now`: seconds since 1970 by the host's clock."""

    event: Literal["clock"]
    now: float


CheckOutcome = Literal["ok", "warning", "failed"]


class Check(TypedDict):
    """The outcome of a check of `doctor`. `remedy`: the next thing to type; empty where all is well."""

    event: Literal["check"]
    check: str
    outcome: CheckOutcome
    message: str
    remedy: str


class HostFacts(TypedDict):
    """Answers SetupSettings, and again when all steps are over. Paths are absolute. `distributions`: the words of ID
    and ID_LIKE in os-release(5); `programs`: those of SETUP_PROGRAMS that are in PATH; `root_shell`: we are root, or
    with `sudo: true` may run sh as root without a password; `user_units`: systemd runs units of the login user;
    `venv_supervisord`: the one in `supervisor_venv` can be started; `closed`: those of the keys root, supervisord_conf
    and program_dir whose folder lacks what setup makes there, and the login user cannot; `supervisord_command`: the
    words that start the one that runs, but for its options, [] where that is not known; `keys`: public keys of the
    user."""

    event: Literal["host_facts"]
    login: str
    home: str
    node: str
    python: str
    venv: bool
    distributions: List[str]
    programs: List[str]
    root_shell: bool
    systemd: bool
    user_units: bool
    root: str
    root_exists: bool
    root_can_be_made: bool
    supervisord_conf: str
    conf_exists: bool
    program_dir: str
    program_dir_exists: bool
    supervisor_venv: str
    venv_supervisord: bool
    closed: List[str]
    supervisord_runs: bool
    supervisord_command: List[str]
    starts_at_boot: bool
    keys: List[str]


class Notice(TypedDict):
    """`level`: info or warning."""

    event: Literal["notice"]
    message: str
    level: str


class HostBeat(TypedDict):
    event: Literal["beat"]


# --- the endings: exactly one of each conversation -------------------------------------------------------------------

class Committed(TypedDict):
    """`now`: by service the commit that is on the disk."""

    event: Literal["committed"]
    now: Dict[str, Optional[str]]


class Restored(TypedDict):
    event: Literal["restored"]
    why: str
    now: Dict[str, Optional[str]]


class Ended(TypedDict):
    """There was nothing to commit and nothing to undo."""

    event: Literal["end"]


class Problem(ProblemInfo):
    """It cannot go on; of a deploy that was begun, the journal stays."""

    event: Literal["problem"]


class Unusable(TypedDict):
    """Said by the bootstrap: the interpreter is too old for the executor."""

    event: Literal["unusable"]
    why: str


Ending = Union[Committed, Restored, Ended, Problem, Unusable]
HostMessage = Union[
    Locked, Refused, Resolved, NotReady, StepStarted, Output, StepFinished, HostState, PackWanted, PackTaken, Done,
    Failed, Undone, Compared, Facts, Odd, Orphans, Looked, Heads, History, Outcome, Runs, Log, Mark, Clock,
    Check, HostFacts, Adopted, Notice, HostBeat, Ending]
