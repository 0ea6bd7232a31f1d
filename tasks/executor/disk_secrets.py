"""The secrets that lie on this host, in environment files and placed files: no output may show them."""

from __future__ import annotations

import contextlib
import glob
import os
from typing import Any, Iterator, Mapping, Sequence

from .disk import files, placed_backup
from .disk.placed_files import PlacedFiles
from .errors import HostError
from .layout import Layout
from .masking import Mask
from .service import deployed
from .service.releases import RECORD


def learn(mask: Mask, layout: Layout, services: Sequence[Mapping[str, Any]]) -> None:
    """Mask the secrets of these services; also those of a version that an unfinished deploy replaces."""
    for service in services:
        backups = os.path.join(glob.escape(layout.service_state(service["name"])), "before-*", "*env")
        for path in [layout.env_file(service["name"]), *glob.glob(backups)]:
            with contextlib.suppress(OSError):
                mask.learn(files.read_text(path))
        with contextlib.suppress(OSError):
            mask.learn_words(_in_placed_files(layout, service))


def _in_placed_files(layout: Layout, service: Mapping[str, Any]) -> Iterator[str]:
    """The contents that are secrets as a whole: in the clone, in the releases, and in the backup of an unfinished
    deploy."""
    name = service["name"]
    state = glob.escape(layout.service_state(name))
    clone, releases = layout.placed_files(name), glob.glob(os.path.join(state, "releases", "*" + RECORD))
    for directory in _directories(layout, service) if releases or os.path.exists(clone) else ():
        yield from _in(PlacedFiles(directory, clone))
        for record in releases:
            release = os.path.basename(record)[:-len(RECORD)]
            yield from _in(PlacedFiles(os.path.join(directory, "releases", release), record))
    for folder in glob.glob(os.path.join(state, "before-*")):
        yield from map(_text, placed_backup.secrets(folder))


def _directories(layout: Layout, service: Mapping[str, Any]) -> Iterator[str]:
    """That of hosts.yaml; and that of the last deploy, where hosts.yaml names another since then."""
    named = layout.below_root(service["directory"])
    yield named
    with contextlib.suppress(HostError):            # sudo refuses us
        before = deployed.directory(layout, service["name"])
        if before not in ("", named):
            yield before


def _in(placed: PlacedFiles) -> Iterator[str]:
    written = placed.record().written
    yield from (_text(placed.path(path)) for path, about in written.items()
                if about.get("secrecy") == "all" and not placed.problem(path))


def _text(path: str) -> str:
    """Empty where it cannot be read: the others are to be masked all the same."""
    return files.read_text(path) if os.access(path, os.R_OK) else ""
