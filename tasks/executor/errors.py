"""What can go wrong on a host. `kind` tells the client which of its own errors that is."""

from __future__ import annotations

import errno

from .protocol import ProblemInfo

# What the disk may say, and what to type on the host, with the file's name behind it.
DISK = {
    errno.ENOSPC: "make room on the host: df -h",
    errno.EDQUOT: "make room on the host: quota -s",
    errno.EROFS: "it is read-only; see on the host: findmnt -T",
    errno.EACCES: "make it the user's own on the host: ls -ld",
    errno.EPERM: "make it the user's own on the host: ls -ld",
}

class HostError(Exception):
    """`hint` is the next thing to type or to do."""

    kind = "failed"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotReady(HostError):
    """Something must be put right first; nothing was changed."""

    kind = "not_ready"


class TryAgain(HostError):
    """Nothing was changed; the same may work later."""

    kind = "try_again"


class CannotRestore(HostError):
    """The way back failed: the journal stays, a person is needed."""

    kind = "needs_person"


class Aborted(HostError):
    """The client said so, or went away, or has not been heard of for the length of the lease.

    Nobody is left to be told what to type.
    """

    kind = "aborted"

    def __init__(self, message: str) -> None:
        super().__init__(message, "")


def as_host_error(error: Exception) -> HostError:
    """Whatever went wrong, in the words of this tree."""
    if isinstance(error, HostError):
        return error
    if isinstance(error, OSError):
        name = str(error.filename or "")
        hint = DISK.get(error.errno or 0, "look at it on the host: ls -ld")
        return HostError(f"{name or 'the disk'}: {error.strerror or error}", f"{hint} {name}".strip())
    return Bug(error)


def problem(error: HostError) -> ProblemInfo:
    """As the client hears of it."""
    found: ProblemInfo = {"kind": error.kind, "message": error.message, "hint": error.hint}
    if isinstance(error, Bug):
        found["trace"] = error.trace
    return found


class Bug(HostError):
    """Something that this program did not think of; `trace` is the whole traceback."""

    kind = "bug"

    def __init__(self, error: BaseException) -> None:
        import traceback  # rarely needed: it costs a start of the executor 4 ms

        super().__init__("a bug: " + traceback.format_exception_only(type(error), error)[-1].strip(), "report it")
        self.trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
