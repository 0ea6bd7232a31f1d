"""What git and builds wrote is on the disk before a line there speaks of it.

They leave it to the kernel, which takes half a minute: a power cut in between would empty what was built.
"""

from __future__ import annotations

import os
from typing import Dict, Iterable

from .here import Here
from .story import Story


def settle(heres: Iterable[Here], story: Story) -> None:
    """Once a file system. A disk that does not take it in time ends no deploy: it is told."""
    disks: Dict[int, Here] = {os.stat(here.directory).st_dev: here for here in heres if os.path.isdir(here.directory)}
    for here in disks.values():
        why = here.sync(here.directory)
        if why:
            story.event("notice", level="warning", message=(
                "%s: a power cut in the next minute could lose what was built: sync: %s" % (here.name, why)))
