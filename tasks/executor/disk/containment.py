"""Whether a path lies in a folder, the folder itself included; by whole names, for /srv/app2 is not in /srv/app.

An empty path, of which nothing is known, lies nowhere."""

from __future__ import annotations

import os


def is_inside(path: str, folder: str) -> bool:
    """Where links lead to. For what would be removed or read there, and for what the kernel says of a process: it knows
    no links."""
    return bool(path) and _begins(os.path.realpath(path), os.path.realpath(folder))


def is_named_inside(path: str, folder: str) -> bool:
    """As it is written, or where links lead to. For what stands in a file of a person or of ours: the Python of a
    virtual environment is a link to one elsewhere, and the folder may be written as a link leads there."""
    parent, name = os.path.split(os.path.normpath(path))
    paths = (os.path.normpath(path), os.path.join(os.path.realpath(parent), name), os.path.realpath(path))
    folders = (os.path.normpath(folder), os.path.realpath(folder))
    return bool(path) and any(_begins(each, whole) for each in paths for whole in folders)


def name_inside(path: str, folder: str) -> str:
    """The first name of the path below the folder, both without links; empty where it is not below. For many paths of
    one folder: nothing is looked up."""
    top = os.path.join(folder, "")
    return path[len(top):].partition(os.sep)[0] if path.startswith(top) else ""


def _begins(path: str, folder: str) -> bool:
    return os.path.join(path, "").startswith(os.path.join(folder, ""))
