"""What a process does, with all that it started: whether it rests, as a server that waits for a request does."""

from __future__ import annotations

import os
from typing import Dict, Tuple

from ..system import processes

# By thread the processor time that it has used, in clock ticks: of user and of system.
Rest = Dict[int, Tuple[bytes, bytes]]
ASLEEP = (b"S", b"I", b"T", b"t")   # proc(5); one that waits for a disk is not asleep
USER, SYSTEM = 11, 12


def rest(pid: int) -> Rest | None:
    """Of the process and all below it; two that are equal say that nothing was done in between. None while a thread
    runs or waits for a disk, and where nobody may know."""
    if not _threads(pid):
        return None
    found: Rest = {}
    for each in processes.family(pid):
        threads = _threads(each)
        if threads is None:
            return None
        found.update(threads)
    return found


def _threads(pid: int) -> Rest | None:
    """None while one of them is not asleep."""
    found: Rest = {}
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] not in ASLEEP:
                return None
            found[int(thread)] = fields[USER], fields[SYSTEM]
    except OSError:
        return None
    return found
