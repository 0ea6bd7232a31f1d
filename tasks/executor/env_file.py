"""The environment file of a service: the login user and the users of its programs may read it, and nobody else."""

from __future__ import annotations

import os
from typing import NamedTuple

from . import access_list, files, program_user
from .layout import Layout


class Rights(NamedTuple):
    """`owner`: a uid that only root can give, -1: the login user's; `readers`: further uids, by the access list."""

    owner: int = -1
    readers: tuple[int, ...] = ()


def rights(program_file: bytes) -> Rights:
    """Those of the users that the program file names. root can read it without any."""
    login = os.geteuid()
    others = [uid for uid in program_user.uids_in(program_file.decode("utf-8", "replace"))
              if uid not in (program_user.ROOT, login)]
    if login != program_user.ROOT:
        return Rights(readers=tuple(others))
    return Rights(owner=others[0] if others else program_user.ROOT, readers=tuple(others[1:]))


def is_written(layout: Layout, service: str, data: bytes, wanted: Rights) -> bool:
    """Whether the file is there, with this content and these rights."""
    path = layout.env_file(service)
    return (files.read_bytes(path) == data
            and Rights(files.owner_of(path), access_list.readers_of(path)) == wanted)


def write(layout: Layout, service: str, data: bytes, wanted: Rights) -> None:
    path = layout.env_file(service)
    if wanted.owner > program_user.ROOT or wanted.readers:
        for folder in (layout.state, os.path.dirname(path)):
            os.chmod(folder, 0o711)         # the programs' users may pass; the other files there are closed to them
    files.write_atomic(path, data, owner=wanted.owner, readers=wanted.readers)
