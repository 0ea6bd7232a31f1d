"""The environment file of a service: the login user and the program's user may read it, and nobody else."""

from __future__ import annotations

import os
from typing import NamedTuple

from . import access_list, files, program_user
from .layout import Layout


class Rights(NamedTuple):
    """`owner`: a uid that only root can give; `reader`: one more user, by the access list. -1: none."""

    owner: int = -1
    reader: int = -1


def rights(program_file: bytes) -> Rights:
    """Those of the user that the program file names. root reads the login user's file as it is."""
    try:
        uid = program_user.uid_in(program_file.decode("utf-8", "replace"))
    except KeyError:
        uid = None                          # that user is gone
    login = os.geteuid()
    if login == program_user.ROOT:
        return Rights(owner=program_user.ROOT if uid is None else uid)
    return Rights() if uid in (None, program_user.ROOT, login) else Rights(reader=int(uid or 0))


def is_written(layout: Layout, service: str, data: bytes, wanted: Rights) -> bool:
    """Whether the file is there, with this content and these rights."""
    path = layout.env_file(service)
    return (files.read_bytes(path) == data
            and Rights(files.owner_of(path), access_list.reader_of(path)) == wanted)


def write(layout: Layout, service: str, data: bytes, wanted: Rights) -> None:
    path = layout.env_file(service)
    if max(wanted) > program_user.ROOT:
        for folder in (layout.state, os.path.dirname(path)):
            os.chmod(folder, 0o711)         # the program's user may pass; the other files there are closed to it
    files.write_atomic(path, data, owner=wanted.owner, reader=wanted.reader)
