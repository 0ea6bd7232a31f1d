"""Tells who may read a file of ours besides what its mode says: the users of the service's programs."""

from __future__ import annotations

import os
from typing import NamedTuple, Sequence

from .. import program_user
from . import access_list, files


class Rights(NamedTuple):
    """`owner`: a uid that only root can give, -1: the login user's; `readers`: further uids, by the access list."""

    owner: int = -1
    readers: tuple[int, ...] = ()


def of_program_file(text: bytes) -> Rights:
    """Those of the users that the program file names."""
    return of_uids(program_user.uids_in(text.decode("utf-8", "replace")))


def of_uids(uids: Sequence[int]) -> Rights:
    """root can read a file without any."""
    login = os.geteuid()
    others = [uid for uid in uids if uid not in (program_user.ROOT, login)]
    if login != program_user.ROOT:
        return Rights(readers=tuple(others))
    return Rights(owner=others[0] if others else program_user.ROOT, readers=tuple(others[1:]))


def of_path(path: str) -> Rights:
    """Those that the file has."""
    return Rights(files.owner_of(path), access_list.readers_of(path))
