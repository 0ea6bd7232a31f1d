"""Disks that are mounted read-only, as the kernel leaves one after an error of it: no owner and no mode helps there."""

from __future__ import annotations

import errno
import os

from ..errors import NotReady, disk_remedy


def problem(place: str) -> NotReady | None:
    """Why nothing can be written there; None where the disk lets us. Raises OSError where the place is missing."""
    if not os.statvfs(place).f_flag & os.ST_RDONLY:
        return None
    return NotReady(f"cannot write below {place}: {os.strerror(errno.EROFS)}", disk_remedy(errno.EROFS, place))
