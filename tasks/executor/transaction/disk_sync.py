"""Syncs the file system before the journal or the history refers to what git and builds wrote.

They leave that to the kernel, which takes half a minute: a power cut in between would empty the files.
"""

from __future__ import annotations

import os
from typing import Iterable

from ..service.context import ServiceContext
from .eventlog import EventLog


def sync_disks(contexts: Iterable[ServiceContext], eventlog: EventLog) -> None:
    """Sync each file system once. A disk that is too slow is a warning, and ends no deploy."""
    disks: dict[int, ServiceContext] = {
        os.stat(ctx.directory).st_dev: ctx for ctx in contexts if os.path.isdir(ctx.directory)}
    for ctx in disks.values():
        why = ctx.sync(ctx.directory)
        if why:
            eventlog.warn(f"{ctx.name}: a power cut in the next minute could lose what was built: sync: {why}")
