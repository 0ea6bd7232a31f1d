"""The ways back. They may run twice, and after a power cut: they look, then act."""

from __future__ import annotations

import os
import shutil
from typing import Any, Mapping

from . import files
from .errors import HostError
from .here import Here
from .locks import reload_lock
from .running import keep_down, renew, stop, wait_until_up, word
from .supervisord import UP

Arguments = Mapping[str, Any]


def checkout_back(here: Here, args: Arguments) -> bool:
    if args["set_aside"] and not here.clone.stash(here.deploy):
        return False                # it did not get as far: what was edited lies there untouched
    if not args["commit"]:
        here.clone.vacate(args["branch"])
        return True
    state = here.clone.state()
    if state.commit != args["commit"] or state.edits:
        here.clone.checkout(args["commit"], here.say, force=True)
    if args["branch"]:
        here.clone.attach(args["branch"], args["commit"])
    here.clone.bring_back(here.deploy, here.say)
    return True


def remove_clone(here: Here, args: Arguments) -> bool:
    """A first deploy made it. What lay there before stays: logs, and what is shared."""
    keep = set(args["keep"])
    for name in set(os.listdir(here.directory) if os.path.isdir(here.directory) else []) - keep:
        path = os.path.join(here.directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    if not args["existed"] and os.path.isdir(here.directory):
        os.rmdir(here.directory)
    return True


def files_back(here: Here, args: Arguments) -> bool:
    backup = here.place.backup(here.name, here.deploy)
    if not os.path.isdir(backup):
        raise HostError("%s is gone: it held the files as they were" % backup,
                        "write %s by hand" % here.place.program_file(here.name))
    with reload_lock(here.place):
        put_back(here, backup)
        here.supervisord().reload()
    return True


def program_back(here: Here, args: Arguments) -> bool:
    """RUNNING, STOPPED or absent: what the program was before is what it is again."""
    supervisord = here.supervisord()
    info = supervisord.info(here.name)
    running = args["was"] == "RUNNING"
    with reload_lock(here.place):
        _, changed, removed = supervisord.reload()
    if running and here.name not in changed and _is_the_same(info, args):
        return False
    here.old_pid = info["pid"] or None
    here.note_log(info.get("stdout_logfile"))
    stop(here, supervisord, args["patience"])
    if here.name in removed or args["was"] == "absent":
        if info["statename"] != "absent":
            supervisord.remove(here.name)
        return True
    renewed = renew(here, supervisord)
    if running:
        supervisord.start(here.name)
        wait_until_up(here, supervisord, args["startsecs"])
    elif renewed:
        keep_down(here, supervisord, args["patience"])
    return True


def is_replaced(here: Here, args: Arguments) -> bool:
    """Whether the program is another process than before, or runs though it did not."""
    info = here.supervisord().info(here.name)
    if args["was"] == "RUNNING":
        return not _is_the_same(info, args)
    return info["statename"] in UP if args["was"] == "absent" else (
        args.get("state") == "STOPPED" and info["statename"] in ("STARTING", "RUNNING", "BACKOFF"))


def what_is(here: Here) -> str:
    """On the disk, and in the process table: for a person who has to go on from there."""
    try:
        program = word(here.supervisord().info(here.name))
    except HostError as error:
        program = error.message
    return "commit %s, and its program is %s" % ((here.clone.head() or "none")[:8], program)


def _is_the_same(info: Mapping[str, Any], args: Arguments) -> bool:
    """A pid alone may come again after a reboot."""
    return bool(info["statename"] == "RUNNING" and info["pid"] == args["pid"]
                and info["start"] == args.get("start", info["start"]))


def put_back(here: Here, backup: str) -> None:
    for name, path in (("program", here.place.program_file(here.name)), ("env", here.place.env_file(here.name))):
        old = files.read_bytes(os.path.join(backup, name))
        if old is None:
            files.remove(path)
        elif old != files.read_bytes(path):
            files.write_atomic(path, old, os.stat(os.path.join(backup, name)).st_mode & 0o777)
