"""What git and builds wrote is on the disk before a line there speaks of it.

They leave it to the kernel, which takes half a minute: a power cut in between would empty what was built.
"""

from __future__ import annotations

import os
from typing import Iterable

from .context import ServiceContext
from .eventlog import EventLog


def sync_disks(contexts: Iterable[ServiceContext], eventlog: EventLog) -> None:
    """Once a file system. A disk that does not take it in time ends no deploy: it is told."""
    disks: dict[int, ServiceContext] = {
        os.stat(ctx.directory).st_dev: ctx for ctx in contexts if os.path.isdir(ctx.directory)}
    for ctx in disks.values():
        why = ctx.sync(ctx.directory)
        if why:
            eventlog.event("notice", level="warning", message=(
                f"{ctx.name}: a power cut in the next minute could lose what was built: sync: {why}"))
