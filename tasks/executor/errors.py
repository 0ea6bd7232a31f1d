"""What can go wrong on a host. `kind` tells the client which of its own errors that is."""

from __future__ import annotations

from typing import Dict


class HostError(Exception):
    """`hint` is the next thing to type or to do."""

    kind = "failed"

    def __init__(self, message: str, hint: str = "") -> None:
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
    """The client said so, or went away, or has not been heard of for the length of the lease."""

    kind = "aborted"


def as_host_error(error: Exception) -> HostError:
    """Whatever went wrong, in the words of this tree."""
    if isinstance(error, HostError):
        return error
    if isinstance(error, OSError):
        return HostError("%s: %s" % (error.filename or "the disk", error.strerror or error))
    import traceback  # rarely needed: it costs a start of the executor 4 ms

    return Bug("".join(traceback.format_exception(type(error), error, error.__traceback__)))


def problem(error: HostError) -> Dict[str, str]:
    """As the client hears of it."""
    return {"kind": error.kind, "message": error.message, "hint": error.hint}


class Bug(HostError):
    """A traceback: something that this program did not think of."""

    kind = "bug"
