"""A tar file with what an earlier job built: looked through before anything is contacted, unpacked into a folder."""

from __future__ import annotations

import os
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from .._errors import NotReady

REVISION = "REVISION"                   # a file in it that names its commit
LONGEST_REVISION = 1000                 # bytes
MEGABYTE = 1 << 20
BROKEN = (tarfile.TarError, EOFError, zlib.error, OSError)


class Artifact:
    """`path`: a tar file, of any compression that Python reads. Raises NotReady for one that is not whole or not safe.

    `revision`: what its file REVISION says, else the empty text.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with tarfile.open(path) as tar:
                members = _by_path(path, tar)
                _require_end(tar)
                self.revision = _revision(tar, members)
        except FileNotFoundError:
            raise NotReady(f"there is no file {path}", "make it: tar -czf FILE.tar.gz PATHS; a job of GitLab gets "
                           "that of an earlier job by the input artifacts_of") from None
        except BROKEN as error:
            raise _refused(path, _in_words(error)) from None
        if not any(not member.isdir() for member in members.values()):
            raise _refused(path, "holds no file")
        for name, member in members.items():
            wrong = _wrong(name, member, members)
            if wrong:
                raise _refused(path, f"holds {name!r}, {wrong}")

    def unpack(self, folder: Path) -> None:
        """Unpack it into an empty folder. Links come last: nothing is written through them. Raises NotReady."""
        try:
            with tarfile.open(self.path) as tar:
                members = _by_path(self.path, tar)
                for name, member in members.items():
                    if member.isfile() or member.islnk():
                        _write(tar, member, folder / name)
                for name, member in members.items():
                    if member.issym():
                        (folder / name).parent.mkdir(parents=True, exist_ok=True)
                        os.symlink(member.linkname, folder / name)
        except (*BROKEN, KeyError) as error:
            raise _refused(self.path, f"cannot be unpacked: {error}") from None


def _by_path(path: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The members by their paths. Of two with one name the later counts, as it does for tar."""
    members: dict[str, tarfile.TarInfo] = {}
    for member in tar:
        if member.name.startswith("/") or ".." in member.name.split("/"):
            raise _refused(path, f"holds {member.name!r}, which leads out of it")
        name = posixpath.normpath(member.name)
        if name != ".":
            members[name] = member
    return members


def _require_end(tar: tarfile.TarFile) -> None:
    """Of a file that was cut off the end may lie between two members. A compressed one has its checksum there."""
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it was cut off: it has no end mark")
    while tar.fileobj.read(MEGABYTE):
        pass


def _in_words(error: Exception) -> str:
    if str(error).startswith("file could not be opened"):       # a line for each compression follows
        return "is no tar file, plain or compressed by gzip, bzip2 or xz"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def _wrong(name: str, member: tarfile.TarInfo, members: Mapping[str, tarfile.TarInfo]) -> str:
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return "which is no file, folder or link"
    if member.issym() or member.islnk():
        start = posixpath.dirname(name) if member.issym() else ""
        target = posixpath.normpath(posixpath.join(start, member.linkname))
        if member.linkname.startswith("/") or target.split("/")[0] == "..":
            return f"a link that leads out of it: {member.linkname}"
    above = name
    while above := posixpath.dirname(above):
        if above in members and not members[above].isdir():
            return f"which lies below {above!r}, and that is no folder"
    return ""


def _revision(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> str:
    member = members.get(REVISION)
    file = tar.extractfile(member) if member is not None and member.isfile() else None
    return file.read(LONGEST_REVISION).decode("utf-8", "replace").strip() if file else ""


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    executable = (member if member.isfile() else tar.getmember(member.linkname)).mode & 0o100
    target.chmod(0o755 if executable else 0o644)


def _refused(path: Path, why: str) -> NotReady:
    return NotReady(f"{path} {why}", "make it anew: tar -czf FILE.tar.gz PATHS")
