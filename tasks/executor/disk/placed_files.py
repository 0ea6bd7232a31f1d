"""The files of `files` in hosts.yaml, which lie in a tree of the service beside those of its commit.

A record in the state folder names those that we wrote: whatever else lies there, somebody else put there.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple

from ..digests import sha256
from ..errors import NotReady
from ..protocol import PlacedFileState
from ..quoting import for_sh
from . import access_list, change_times, file_rights, files, json_lines
from .file_rights import Rights

SHOWN = 64 << 10                        # bytes of a file that is shown
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe",
         stat.S_IFSOCK: "socket"}


class Record(NamedTuple):
    """`written`: by path {sha256, mode, secrecy, was, left}; `folders`: those that we made for them.

    `was`: the sha256 that we wrote before; a deploy that is cut off may leave it there. `left`: [sha256, mode] of what
    a build or a hook of ours made of the file."""

    written: dict[str, dict[str, Any]]
    folders: list[str]


class PlacedFiles(NamedTuple):
    """Those in `directory`, a clone or a release. `record_file` need not exist."""

    directory: str
    record_file: str

    def path(self, path: str) -> str:
        return os.path.join(self.directory, path)

    def record(self) -> Record:
        """What we wrote there; nothing where the record cannot be read."""
        line = next(json_lines.read(self.record_file), {})
        written = line.get("files")
        folders = line.get("folders")
        return Record(written if isinstance(written, dict) else {}, folders if isinstance(folders, list) else [])

    def keep_record(self, record: Record) -> None:
        if not any(record):
            files.remove(self.record_file)
        if not any(record) or record == self.record():
            return
        files.ensure_dir(os.path.dirname(self.record_file), 0o700)
        line = json.dumps({"files": record.written, "folders": record.folders})
        files.write_atomic(self.record_file, line.encode() + b"\n")

    def states(self, named: Iterable[str], is_of_commit: Callable[[str], bool] = lambda path: False
               ) -> dict[str, PlacedFileState]:
        """By path, what lies where a file is named, and where we wrote one. What is of the commit nobody put there."""
        written = self.record().written
        states = {path: self._state(path, written.get(path, {})) for path in dict.fromkeys([*named, *written])}
        for path, state in states.items():
            if state["sha256"] not in (None, state["written"]) and is_of_commit(path):
                state["written"], state["written_mode"] = state["sha256"], state["mode"]
        return states

    def _state(self, path: str, about: Mapping[str, Any]) -> PlacedFileState:
        there = self._look(path)
        if there == about.get("left"):          # as good as what we wrote
            there = [about["sha256"], about["mode"]]
        is_older = there[0] is not None and there[0] == about.get("was")
        return {"sha256": there[0], "mode": there[1], "written": about.get("was" if is_older else "sha256"),
                "written_mode": None if is_older else about.get("mode"), "problem": self.obstacle(path)}

    def is_as_written(self) -> bool:
        """Whether all that we wrote lies there unchanged."""
        written = self.record().written
        return all(self._state(path, about)["sha256"] == about["sha256"] for path, about in written.items())

    def _look(self, path: str) -> list[Any]:
        """[sha256, mode] of what lies there; of nothing, and of what is no file, [None, None]."""
        digest = None if self.problem(path) else files.digest(self.path(path))
        return [digest, access_list.mode_of(self.path(path)) if digest else None]

    def note_left(self, is_of_person: Callable[[float], bool]) -> None:
        """Take what lies there for what our build made of the files that were placed before it, but for what a person
        changed, by the time of that (seconds since 1970)."""
        record = self.record()
        for path, about in record.written.items():
            if not is_of_person(change_times.changed_at(self.path(path))):
                about.setdefault("left", self._look(path))
        self.keep_record(record)

    def problem(self, path: str) -> str:
        """What stands in the way of the file; a link may lead anywhere."""
        return next((f"{self.path(place)} {what}" for place, what in self._in_the_way(path)), "")

    def obstacle(self, path: str) -> str:
        """As problem(), but for a file or folder of ours: that goes before the file comes."""
        return next((f"{self.path(place)} {what}" for place, what in self._in_the_way(path)
                     if not self._is_ours(place)), "")

    def _in_the_way(self, path: str) -> Iterator[tuple[str, str]]:
        for place in [*files.parents(path), path]:
            with contextlib.suppress(OSError):
                mode = os.lstat(self.path(place)).st_mode
                if not (stat.S_ISREG(mode) if place == path else stat.S_ISDIR(mode)):
                    yield place, f"is a {KINDS.get(stat.S_IFMT(mode), 'device')}"
                elif place == path and not os.access(self.path(path), os.R_OK):
                    yield place, "cannot be read"

    def _is_ours(self, place: str) -> bool:
        """A file as we wrote it; a folder that we made, with nothing else in it."""
        record, full = self.record(), self.path(place)
        if os.path.islink(full) or not os.path.isdir(full):
            about, (digest, _) = record.written.get(place, {}), self._look(place)
            return digest is not None and digest in (about.get("sha256"), *about.get("left", ())[:1])
        return place in record.folders and all(self._is_ours(os.path.join(place, name)) for name in os.listdir(full))

    def require(self, path: str) -> None:
        """Raise NotReady where something stands in the way of the file."""
        problem = self.obstacle(path)
        if problem:
            raise NotReady(f"{problem}, where `files` puts {path}", f"see what it is: ls -ld {for_sh(self.path(path))};"
                           " then move it away on the host, or take it out of the repository")

    def write(self, path: str, data: bytes, mode: int, rights: Rights) -> bool:
        """Returns whether anything changed. What a power cut left of it, not yet renamed, goes."""
        full = self.path(path)
        if (files.read_bytes(full) == data and access_list.mode_of(full) == mode
                and file_rights.of_path(full) == rights):
            files.remove(files.aside_of(full))
            return False
        files.write_atomic(full, data, mode, rights.owner, rights.readers)
        return True

    def remove(self, path: str) -> bool:
        """Also what a power cut left of it, not yet renamed; what else stands there stays.

        Returns whether it was there.
        """
        full = self.path(path)
        if self.problem(path) or not os.path.isdir(os.path.dirname(full)):
            return False
        was_there = os.path.exists(full)
        files.remove(files.aside_of(full))
        files.remove(full)
        return was_there

    def make_folders(self, path: str) -> None:
        """Make those above the path that are missing. The programs' users may enter them, whatever the umask."""
        for folder in self.missing_folders([path]):
            files.ensure_dir(self.path(folder))
            os.chmod(self.path(folder), 0o755)

    def missing_folders(self, paths: Iterable[str]) -> list[str]:
        """The folders of these files that are not there, from the top."""
        folders = dict.fromkeys(folder for path in paths for folder in files.parents(path))
        return [folder for folder in folders if not os.path.isdir(self.path(folder))]

    def remove_empty(self, folders: Iterable[str]) -> None:
        for folder in sorted(folders, key=len, reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(self.path(folder))

    def texts(self, paths: Iterable[str]) -> dict[str, str]:
        """Of these files those that hold no secret: as we wrote them, so that no person's words are among them."""
        written = self.record().written
        texts = {}
        for path in paths:
            data = None if self.problem(path) else files.read_bytes(self.path(path))
            about = written.get(path, {})
            if (data is not None and len(data) <= SHOWN and about.get("secrecy") == "none"
                    and about.get("sha256") == sha256(data)):
                texts[path] = data.decode("utf-8", "replace")
        return texts
