"""What can go wrong on a host. `kind` tells the client which of its own errors that is."""

from __future__ import annotations


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
