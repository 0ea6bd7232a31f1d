"""The error tree. Every error says what is wrong, and the next thing to type.

FabvisorError
├── Failed              1   it failed, and every host is as it was
│   └── Bug                 an unexpected exception; details go to a file
├── Mistake             2   something must be put right first; nothing changed
│   ├── InventoryError      hosts.yaml
│   ├── SelectionError      a name, a filter or an option of the command line
│   ├── HostKeyError        an unknown, changed or revoked host key
│   ├── LoginError          a refused login, or no key to log in with
│   └── NotReady            the host lacks something, or holds edited files
├── NeedsPerson         3   somebody must look at a host, or it did not answer
├── TryAgain           75   nothing changed; the same command may work later
│   ├── Unreachable         no route, refused, timed out, name not found, connection lost
│   └── Locked              another deploy holds the lock
├── Declined      130       the user was asked, and did not agree; nothing changed
└── Interrupted   129/130/143  SIGHUP, SIGINT or SIGTERM; every host is as it was
"""

from __future__ import annotations

from typing import NamedTuple


class FabvisorError(Exception):
    """`message` is one line (or one line a mistake); `hint` is the next thing to type or to do."""

    exit_code = 1
    outcome = "refused"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Failed(FabvisorError):
    outcome = "restored"


class Bug(Failed):
    """`trace`: the whole traceback, ours or a host's."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message, "report it")
        self.trace = trace


class Mistake(FabvisorError):
    exit_code = 2


class Problem(NamedTuple):
    """One mistake in the inventory: where it stands, what is wrong, what was expected."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return where + (f"{self.path}: " if self.path else "") + self.message


class InventoryError(Mistake):
    def __init__(self, problems: list[Problem], hint: str) -> None:
        super().__init__("\n".join(map(str, problems)), hint)
        self.problems = problems


class SelectionError(Mistake):
    pass


class HostKeyError(Mistake):
    pass


class LoginError(Mistake):
    pass


class NotReady(Mistake):
    pass


class NeedsPerson(FabvisorError):
    exit_code = 3
    outcome = "unknown"


class TryAgain(FabvisorError):
    exit_code = 75


class Unreachable(TryAgain):
    outcome = "unreachable"


class Locked(TryAgain):
    pass


class Declined(FabvisorError):
    exit_code = 130


class Interrupted(FabvisorError):
    """A signal ended the command in order. `exit_code` is 128 + the signal's number."""

    outcome = "restored"

    def __init__(self, signal_number: int) -> None:
        super().__init__("interrupted", "the same command begins anew")
        self.exit_code = 128 + signal_number
