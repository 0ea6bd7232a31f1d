"""The files of `files` in hosts.yaml: place them in the clone, or in a new release; or put back what lay there."""

from __future__ import annotations

import base64
import os
from typing import Any, Callable, Iterable, Mapping

from .. import program_user
from ..digests import sha256
from ..disk import change_times, file_rights, files, placed_backup
from ..disk.placed_files import PlacedFiles, Record
from ..errors import HostError, NotReady
from ..protocol import PlacedFileState
from ..service.context import ServiceContext
from ..system.output_lines import Say
from . import releases
from .step import Result, Results, Step

READABLE = 0o004                        # by everybody
PLACES = ("place_files", "place_release_files")


def refuse(ctx: ServiceContext, step: Step) -> Results:
    """Somebody may have put a file there, or edited one, since the look."""
    for path in _contents(step):
        ctx.releases.placed(None).require(path)
    return _refuse_edits(ctx, step, {ctx.releases.live(), None})


def refuse_edits(ctx: ServiceContext, step: Step) -> Results:
    return _refuse_edits(ctx, step, {ctx.releases.live()})


def _refuse_edits(ctx: ServiceContext, step: Step, trees: Iterable[str | None]) -> Results:
    """`trees`: the names of releases; None is the clone."""
    contents = _contents(step)
    edited = sorted({path for tree in trees for path in _edited(ctx.releases.placed_states(tree, contents), step)})
    if edited and not step.args["set_aside"]:
        raise NotReady("files that hosts.yaml names were edited on the host: " + ", ".join(edited),
                       "--set-aside keeps a copy of them")
    return step.results


def place(ctx: ServiceContext, step: Step) -> Result:
    """In the clone. Files of ours that hosts.yaml no longer names go."""
    placed = ctx.releases.placed(None)
    contents = _contents(step)
    _copy(ctx, placed, _edited(ctx.releases.placed_states(None, contents), step), step.say)
    before = placed.record()
    gone = [path for path in before.written if path not in contents]
    tracked = ctx.clone.commits.tracked("HEAD", gone)
    removed = [path for path in gone if path not in tracked and placed.remove(path)]
    placed.remove_empty(before.folders)
    return Result(_write(ctx, step, placed, before) or bool(removed))


def make_way(ctx: ServiceContext, commit: str) -> None:
    """Remove files of ours where the commit has its own: in git's stash a secret would be open. Only what is backed up,
    and what nobody edited."""
    if placed_backup.exists(ctx.layout.backup(ctx.name, ctx.deploy)):
        placed = ctx.releases.placed(None)
        ours = [path for path, state in placed.states(()).items() if state["sha256"] == state["written"]]
        for path in ctx.clone.commits.tracked(commit, ours):
            placed.remove(path)


def place_back(ctx: ServiceContext, step: Step) -> Result:
    return Result(placed_backup.restore(ctx.releases.placed(None), ctx.layout.backup(ctx.name, ctx.deploy)))


def place_in_release(ctx: ServiceContext, step: Step) -> Result:
    """A release that is complete has its files already; edits of the one that runs stay behind in it."""
    name = step.args["release"]
    live = ctx.releases.live()
    _copy(ctx, ctx.releases.placed(live), _edited(ctx.releases.placed_states(live, _contents(step)), step), step.say)
    if releases.is_complete(ctx, name, step.args["digest"]):
        return Result(False)
    changed = _write(ctx, step, ctx.releases.placed(name), Record({}, []))
    if step.args["complete"]:
        releases.complete(ctx, step, name)
    return Result(changed)


def _write(ctx: ServiceContext, step: Step, placed: PlacedFiles, before: Record) -> bool:
    """The record first: a file that it does not name would pass for somebody's own."""
    contents = _contents(step)
    ctx.clone.exclude(list(contents))
    placed.keep_record(_record(placed, before, contents, _named(step)))
    changed = False
    uids = program_user.uids_of(step.args["users"])
    for path, data in contents.items():
        placed.require(path)
        mode = _named(step)[path]["mode"]
        placed.make_folders(path)
        changed |= placed.write(path, data, mode, file_rights.of_uids([] if mode & READABLE else uids))
        if files.read_bytes(placed.path(path)) != data:
            raise HostError(f"{placed.path(path)} has not the content that was written", "look at it on the host")
    return changed


def _record(placed: PlacedFiles, before: Record, contents: Mapping[str, bytes], named: Mapping[str, Any]) -> Record:
    written = {path: {"sha256": sha256(data), "mode": named[path]["mode"],
                      "secrecy": named[path]["secrecy"], "was": before.written.get(path, {}).get("sha256")}
               for path, data in contents.items()}
    missing = placed.missing_folders(contents)
    made = [folder for folder in before.folders if folder not in missing and os.path.isdir(placed.path(folder))]
    return Record(written, [*made, *missing])


def keep_changed(ctx: ServiceContext, is_of_person: Callable[[float], bool]) -> None:
    """Before the undo of a deploy: copy what a person changed in them, by the time of that (seconds since 1970)."""
    placed = ctx.releases.placed(ctx.releases.live())
    edited = [path for path, state in placed.states(()).items() if state["sha256"] not in (None, state["written"])
              and is_of_person(change_times.changed_at(placed.path(path)))]
    _copy(ctx, placed, edited, ctx.warn)


def _copy(ctx: ServiceContext, placed: PlacedFiles, edited: list[str], say: Say) -> None:
    for path in edited:
        copy = os.path.join(ctx.layout.service_state(ctx.name), "set-aside", ctx.deploy, path)
        files.ensure_dir(os.path.dirname(copy), 0o700)
        files.write_atomic(copy, files.read_bytes(placed.path(path)) or b"")
        say(f"{path} was edited on the host: a copy is in {copy}")


def _edited(states: Mapping[str, PlacedFileState], step: Step) -> list[str]:
    """Files that are neither as we wrote them nor as we are to write them."""
    new = {path: sha256(data) for path, data in _contents(step).items()}
    return [path for path, state in states.items()
            if state["sha256"] not in (None, state["written"], new.get(path))]


def secrets_in(planned: Mapping[str, Any]) -> list[str]:
    """The contents in a step of a plan that are secrets as a whole."""
    placed = planned["args"]["files"] if planned["action"] in PLACES else []
    return [base64.b64decode(file["data"]).decode("utf-8", "surrogateescape") for file in placed
            if file["secrecy"] == "all"]


def _named(step: Step) -> Mapping[str, Any]:
    return {file["path"]: file for file in step.args["files"]}


def _contents(step: Step) -> dict[str, bytes]:
    """By path."""
    return {file["path"]: base64.b64decode(file["data"]) for file in step.args["files"]}
