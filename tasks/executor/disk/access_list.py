"""The access list of a file, acl(5): more users may read it. Linux keeps it as an extended attribute.

The layout of its bytes is that of linux/posix_acl_xattr.h.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Sequence

ATTRIBUTE = "system.posix_acl_access"
DEFAULT = "system.posix_acl_default"
VERSION = 2
OWNER, USER, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
READ = 4
NOBODY = 0xFFFFFFFF


def is_supported(path: str) -> bool:
    """Whether files in the file system of `path` can have one."""
    try:
        os.getxattr(path, ATTRIBUTE)
    except OSError as error:
        return error.errno == errno.ENODATA
    return True


def is_inherited(folder: str) -> bool:
    """Whether what is made in that folder gets a list of its own, in place of what the umask leaves."""
    try:
        return bool(os.getxattr(folder, DEFAULT))
    except OSError:
        return False


def let_read(file: int, uids: Sequence[int]) -> None:
    """Let those users read the open file, as well as all who can by its mode. Raises OSError."""
    mode = os.fstat(file).st_mode
    users = [(USER, READ, uid) for uid in sorted(uids)]
    entries = [(OWNER, mode >> 6 & 7, NOBODY), *users, (GROUP, mode >> 3 & 7, NOBODY),
               (MASK, mode >> 3 & 7 | READ, NOBODY), (OTHER, mode & 7, NOBODY)]
    os.setxattr(file, ATTRIBUTE, struct.pack("<I", VERSION) + b"".join(struct.pack("<HHI", *each) for each in entries))


def mode_of(path: str) -> int:
    """The file's mode without what let_read() made of it: with an access list, the group's bits show its mask."""
    mode = os.stat(path).st_mode & 0o777
    group = next((rights for tag, rights, _ in _entries(path) if tag == GROUP), mode >> 3 & 7)
    return mode & ~0o070 | group << 3


def readers_of(path: str) -> tuple[int, ...]:
    """The uids that let_read() gave the file."""
    return tuple(uid for tag, _, uid in _entries(path) if tag == USER)


def _entries(path: str) -> list[tuple[int, int, int]]:
    """(tag, rights, uid) of each entry."""
    try:
        data = os.getxattr(path, ATTRIBUTE)
    except OSError:
        return []
    return [struct.unpack_from("<HHI", data, at) for at in range(4, len(data), 8)]
