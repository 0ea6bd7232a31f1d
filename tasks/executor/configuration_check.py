"""Whether supervisord can read its configuration: it reads all of its files anew, which changes no program.

One broken file, of whatever program, stops every change on the host.
"""

from __future__ import annotations

import contextlib
import os
from typing import Iterator, Sequence

from . import directory_access
from .errors import HostError, NotReady
from .layout import Layout
from .logs import log_folder
from .protocol import PROGRAM_HEADER, ServiceSettings
from .service import deployed
from .supervisor.supervisord import BadConfiguration, Down, Supervisord
from .supervisor.supervisord_conf import Configuration


def removed_groups(layout: Layout, services: Sequence[ServiceSettings], conf: Configuration,
                   supervisord: Supervisord) -> list[str]:
    """The groups that are active but in no file any more. Makes missing log folders, where we may: a directory of
    another user is refused in words of its own. Raises NotReady or Down."""
    for directory in _directories_with_logs(layout, services):
        if not directory_access.problems(directory):
            log_folder.ensure(directory)
    return _reread(conf, supervisord)


def problems(layout: Layout, services: Sequence[ServiceSettings], conf: Configuration,
             supervisord: Supervisord) -> list[HostError]:
    """Why supervisord cannot read its files, in its own words: for a command that only looks.

    Nobody knows where it is down, or where a log folder is missing, which a deploy makes first.
    """
    if all(os.path.isdir(os.path.join(directory, "logs")) for directory in _directories_with_logs(layout, services)):
        try:
            with contextlib.suppress(Down):
                _reread(conf, supervisord)
        except NotReady as error:
            return [error]
    return []


def _directories_with_logs(layout: Layout, services: Sequence[ServiceSettings]) -> Iterator[str]:
    """Those of services whose program file names a log folder there.

    Also where a person removed the whole directory: supervisord reads no file while a log folder is missing.
    """
    for service in services:
        directory = layout.below_root(deployed.as_deployed(layout, service)["directory"])
        program_file = layout.access.program_file(service["name"])
        if program_file is None:
            continue
        is_ours = program_file.data.startswith(PROGRAM_HEADER.encode())
        is_there = os.path.isdir(directory) and (is_ours or b"logs/" in program_file.data)
        if is_there or (is_ours and not os.path.lexists(directory)):
            yield directory


def _reread(conf: Configuration, supervisord: Supervisord) -> list[str]:
    try:
        return supervisord.reload()[2]
    except BadConfiguration as error:
        message = "supervisord cannot read its configuration: " + error.message
        raise NotReady("; ".join([message, *conf.problems]), error.hint) from None
