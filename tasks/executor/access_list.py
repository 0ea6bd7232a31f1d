"""The access list of a file, acl(5): one more user may read it. Linux keeps it as an extended attribute.

The layout of its bytes is that of linux/posix_acl_xattr.h.
"""

from __future__ import annotations

import errno
import os
import struct

ATTRIBUTE = "system.posix_acl_access"
VERSION = 2
OWNER, USER, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
READ, READ_WRITE = 4, 6
NOBODY = 0xFFFFFFFF


def is_supported(path: str) -> bool:
    """Whether files in the file system of `path` can have one."""
    try:
        os.getxattr(path, ATTRIBUTE)
    except OSError as error:
        return error.errno == errno.ENODATA
    return True


def let_read(file: int, uid: int) -> None:
    """Let that user read the open file, which nobody but its owner could. Raises OSError."""
    entries = [(OWNER, READ_WRITE, NOBODY), (USER, READ, uid), (GROUP, 0, NOBODY), (MASK, READ, NOBODY),
               (OTHER, 0, NOBODY)]
    os.setxattr(file, ATTRIBUTE, struct.pack("<I", VERSION) + b"".join(struct.pack("<HHI", *each) for each in entries))


def reader_of(path: str) -> int:
    """The uid that let_read() gave the file; -1 where it gave none."""
    try:
        data = os.getxattr(path, ATTRIBUTE)
    except OSError:
        return -1
    entries = [struct.unpack_from("<HHI", data, at) for at in range(4, len(data), 8)]
    return next((uid for tag, _, uid in entries if tag == USER), -1)
