"""Checks of the root: whose it is, and whether its disk has room."""

from __future__ import annotations

import os
import stat
from typing import Iterator

from ..quoting import for_sh
from ..state import own_state
from ..system.accounts import user_name
from .host import ExaminedHost, Finding, failed, ok, warning

MEGABYTE = 1 << 20
LITTLE, TOO_LITTLE = 1024 * MEGABYTE, 100 * MEGABYTE       # bytes
FEW_INODES, TOO_FEW_INODES = 10_000, 500


def root(host: ExaminedHost) -> Iterator[Finding]:
    """Whether the root is there, and is ours to write; also our own files in it. Raises NotReady."""
    layout = host.layout
    layout.require_root()
    own_state.require(layout, [service["name"] for service in host.services])
    layout.require_writable()
    status = os.stat(layout.root)
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        yield warning(f"{layout.root} can be written by every user", f"on the host: chmod o-w {for_sh(layout.root)}")
    else:
        yield ok(f"{layout.root}, of {user_name(status.st_uid)}")


def space(host: ExaminedHost) -> Iterator[Finding]:
    for folder in _disks(host):
        disk = os.statvfs(folder)
        free = disk.f_bavail * disk.f_frsize
        message = f"{_size(free)} free below {folder}"
        remedy = f"make room on the host: df -h {for_sh(folder)}"
        yield (failed(message, remedy) if free < TOO_LITTLE
               else warning(message, remedy) if free < LITTLE else ok(message))


def inodes(host: ExaminedHost) -> Iterator[Finding]:
    for folder in _disks(host):
        disk = os.statvfs(folder)
        if not disk.f_files:
            yield ok(f"{folder} is on a file system without a limit")
            continue
        message = f"{disk.f_favail} free below {folder}"
        remedy = f"remove files on the host: df -i {for_sh(folder)}"
        yield (failed(message, remedy) if disk.f_favail < TOO_FEW_INODES
               else warning(message, remedy) if disk.f_favail < FEW_INODES else ok(message))


def _disks(host: ExaminedHost) -> list[str]:
    """A folder on each disk that a deploy writes to, which are several where `state` or `directory` leads elsewhere."""
    layout = host.layout
    places = [layout.root, layout.state, *(layout.below_root(service["directory"]) for service in host.services)]
    folders: dict[int, str] = {}
    for folder in map(_nearest, places):
        folders.setdefault(os.stat(folder).st_dev, folder)
    return [*folders.values()]


def _nearest(folder: str) -> str:
    """The folder, or the first above it that is there."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _size(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB" if size >= 1 << 30 else f"{size // MEGABYTE} MB"
