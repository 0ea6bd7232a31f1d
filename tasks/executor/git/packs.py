"""Puts small packs and loose objects together: each fetch leaves some, and git looks through all of them.

Every object stays, whatever names it: a way back, a stash, a release or a person may need it. Large packs stay as they
are, so that it takes a second or so, and no walk through the history.
"""

from __future__ import annotations

import contextlib
import os

from ..disk import files
from .command import Git

PACKS, LOOSE = 50, 27               # from here on, as git's maintenance: packs, and objects in one of 256 folders
FEWEST = PACKS // 2                 # packs for which it is worth it
MOST = 64 << 20                     # bytes at a time
PARTS = (".idx", ".pack", ".rev")   # of a pack about which nothing else is written
WITHIN = 20                         # seconds
SETTINGS = ("-c", "pack.threads=1", "-c", "core.bigFileThreshold=4m")


def put_together(git: Git) -> None:
    """Under the service's lock; other gits may read and fetch meanwhile. Raises HostError or OSError: nothing is lost
    then, and nothing left behind."""
    objects = os.path.join(git.common_dir(), "objects")
    folder = os.path.join(objects, "pack")
    packs = _small_packs(folder)
    loose = _loose_objects(objects)
    if not packs and not loose:
        return
    names = loose + [line.split()[1] for pack in packs
                     for line in git.run("show-index", given=files.read_bytes(f"{folder}/{pack}.idx") or b"")]
    with git.scratch_objects(objects) as scratch:       # git leaves a file behind where the disk is full
        made = scratch.run(*SETTINGS, "pack-objects", "--quiet", os.path.join(folder, "pack"), timeout=WITHIN,
                           given="".join(name + "\n" for name in names).encode())
    files.sync_dir(folder)
    for pack in {*packs} - {f"pack-{name}" for name in made}:
        for part in PARTS:              # without its index, git sees no pack
            files.remove(f"{folder}/{pack}{part}")
    git.run("prune-packed", "--quiet")


def _small_packs(folder: str) -> list[str]:
    """Their names without an ending, where there are many: the smallest that have MOST bytes together."""
    parts: dict[str, list[str]] = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        stem, ending = os.path.splitext(name)
        parts.setdefault(stem, []).append(ending)
    sizes = {stem: files.size_of(f"{folder}/{stem}.pack") for stem, endings in parts.items() if ".pack" in endings}
    if len(sizes) <= PACKS or "multi-pack-index" in parts:      # a person lets git maintain it
        return []
    small, total = [], 0
    for stem in sorted(sizes, key=lambda stem: sizes[stem]):
        total += sizes[stem]
        if total <= MOST and ".idx" in parts[stem] and {*parts[stem]} <= {*PARTS}:
            small.append(stem)
    return small if len(small) >= FEWEST else []


def _loose_objects(objects: str) -> list[str]:
    """The names of those that have MOST bytes together, where there are many."""
    if len(_entries(f"{objects}/17")) <= LOOSE:
        return []
    names, total = [], 0
    for folder in (f"{number:02x}" for number in range(256)):
        for name in _entries(f"{objects}/{folder}"):
            total += files.size_of(f"{objects}/{folder}/{name}")
            if total <= MOST and not name.startswith("tmp_obj_"):
                names.append(folder + name)
    return names


def _entries(folder: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(folder)
    return []
