"""The environment file of a service: the login user and the users of its programs may read it, and nobody else."""

from __future__ import annotations

import os

from .. import program_user
from ..layout import Layout
from . import file_rights, files
from .file_rights import Rights


def is_written(layout: Layout, service: str, data: bytes, wanted: Rights) -> bool:
    """Whether the file is there, with this content and these rights."""
    path = layout.env_file(service)
    return files.read_bytes(path) == data and file_rights.of_path(path) == wanted


def write(layout: Layout, service: str, data: bytes, wanted: Rights) -> None:
    path = layout.env_file(service)
    if wanted.owner > program_user.ROOT or wanted.readers:
        for folder in (layout.state, os.path.dirname(path)):
            os.chmod(folder, 0o711)         # the programs' users may pass; the other files there are closed to them
    files.write_atomic(path, data, owner=wanted.owner, readers=wanted.readers)
