"""Reads for which machines programs and libraries are made, by the headers of their files. Source: elf(5)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .file_tree import EXECUTABLE, LINK, Entry

# e_machine, and the bits of EI_CLASS: what `uname -m` says there.
MACHINES = {(62, 2): "x86_64", (3, 1): "i686", (183, 2): "aarch64", (40, 1): "arm", (243, 2): "riscv64",
            (22, 2): "s390x", (258, 2): "loongarch64", (21, 2): "ppc64"}
ELSEWHERE = {b"\xcf\xfa\xed\xfe": "macOS", b"MZ\x90\x00": "Windows"}
RUNNABLE = (2, 3)                       # e_type: a program, a library or a program that can lie anywhere
LIBRARY = re.compile(r"\.(so(\.[0-9.]+)?|node|dylib|dll)$")
HEADER = 20                             # bytes


class Binary(NamedTuple):
    """One file for a machine, which stands for all of its kind."""

    machine: str
    is_program: bool
    path: str


def binaries(folder: Path, entries: Iterable[Entry]) -> list[Binary]:
    """The first program and the first library for each machine. Raises OSError."""
    first: dict[tuple[str, bool], Binary] = {}
    for entry in entries:
        if entry.mode != LINK and entry.size >= HEADER:
            with (folder / entry.path).open("rb") as file:
                machine = machine_of(file.read(HEADER))
            if machine:
                is_program = entry.mode == EXECUTABLE and not LIBRARY.search(entry.path)
                first.setdefault((machine, is_program), Binary(machine, is_program, entry.path))
    return [first[key] for key in sorted(first)]


def machine_of(header: bytes) -> str | None:
    """The machine that a binary is made for, as `uname -m` names it; None for what is no binary, or for a machine
    that is unknown here."""
    if header[:4] in ELSEWHERE:
        return ELSEWHERE[header[:4]]
    if header[:4] != b"\x7fELF" or len(header) < HEADER:
        return None
    order = "<" if header[5] == 1 else ">"
    kind, number = struct.unpack(order + "HH", header[16:20])
    machine = MACHINES.get((number, header[4])) if kind in RUNNABLE else None
    return "ppc64le" if machine == "ppc64" and order == "<" else machine


def runs_on(binary: str, host: str) -> bool:
    """Whether a host, as its `uname -m` names it, runs what is made for that machine."""
    family = {"i386": "i686", "i486": "i686", "i586": "i686", "arm64": "aarch64"}
    host = "arm" if host.startswith("arm") and host != "arm64" else family.get(host, host)
    return binary == host or (binary, host) in (("i686", "x86_64"), ("arm", "aarch64"))


def foreign(found: Iterable[Binary], host: str) -> Binary | None:
    """The file for which a host is the wrong machine: a program; or a library, where not one of them fits, since
    packages often carry libraries for several machines."""
    wrong = [binary for binary in found if not runs_on(binary.machine, host)]
    programs = [binary for binary in wrong if binary.is_program]
    none_fits = len(wrong) == len(list(found))
    return next(iter(programs or (wrong if none_fits else [])), None)
