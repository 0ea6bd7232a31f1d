"""The programs that most clients send, made once for all servers and workers of the tests."""

from __future__ import annotations

import fcntl
from functools import cache

from tasks.executor.protocol import Verb
from tasks.remote.sent_executor import compact_code
from tasks.remote.sent_executor.bootstrap import LOADER, OURS, program

VERBS: tuple[Verb, ...] = ("rollout", "plan", "status", "history", "logs")


def usual_programs() -> list[bytes]:
    compact_code.compiled = cache(compact_code.compiled)        # most modules are in all of them
    with LOADER.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)        # the others find them on the disk then
        return [program(verb)(OURS) for verb in VERBS]
