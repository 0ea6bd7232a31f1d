"""The errors of a host, as one tree. `kind` tells the client which of its own errors each is."""

from __future__ import annotations

import errno

from .protocol import ProblemInfo
from .quoting import for_sh

# By errno: what to type on the host, with the file's name in {0}. `df -h` shows room also where no inode is left.
_DISK = {
    errno.ENOSPC: "make room on the host: df -h{0}; its inodes: df -i{0}",
    errno.EDQUOT: "make room on the host: quota -s{0}",
    errno.EROFS: "it is read-only; see on the host: findmnt -T{0}",
    errno.EACCES: "make it the user's own on the host: ls -ld{0}",
    errno.ELOOP: "a link is there, where a file of our own belongs; see on the host where it leads: ls -ld{0}",
    errno.EPERM: "make it the user's own on the host: ls -ld{0}",
}


class HostError(Exception):
    """`hint` is the next thing to type or to do."""

    kind = "failed"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotReady(HostError):
    """A person must put something right first; nothing was changed."""

    kind = "not_ready"


class Unhealthy(Exception):
    """A health check did not pass; it is tried again."""


class TakenByAnother(Unhealthy):
    """Another process answered than the one that was asked for: the next try is a matter of luck, not of time."""


class TryAgain(HostError):
    """Nothing was changed; the same may work later."""

    kind = "try_again"


class CannotRestore(HostError):
    """The undo failed: the journal stays, and a person is needed."""

    kind = "needs_person"


class Aborted(HostError):
    """The client said abort, went away, or let the lease lapse.

    It has no hint: nobody is left to read it.
    """

    kind = "aborted"

    def __init__(self, message: str) -> None:
        super().__init__(message, "")


def disk_remedy(number: int, place: str = "") -> str:
    """What to type on the host after an error of its disk. `number`: as in errno; `place`: the path, where it is known.
    """
    return _DISK.get(number, "look at it on the host: ls -ld{0}").format(f" {for_sh(place)}" if place else "")


def as_host_error(error: Exception) -> HostError:
    """Any exception as an error of this tree."""
    if isinstance(error, HostError):
        return error
    if isinstance(error, OSError):
        name = str(error.filename or "")
        return HostError(f"{name or 'the disk'}: {error.strerror or error}", disk_remedy(error.errno or 0, name))
    return Bug(error)


def problem(error: HostError) -> ProblemInfo:
    """The error as a message has it."""
    info: ProblemInfo = {"kind": error.kind, "message": error.message, "hint": error.hint}
    if isinstance(error, Bug):
        info["trace"] = error.trace
    return info


class Bug(HostError):
    """An unexpected exception; `trace` is its traceback."""

    kind = "bug"

    def __init__(self, error: BaseException) -> None:
        import traceback  # rarely needed, and it takes 4 ms of a start

        super().__init__("a bug: " + traceback.format_exception_only(type(error), error)[-1].strip(), "report it")
        self.trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
