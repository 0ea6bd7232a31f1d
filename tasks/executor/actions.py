"""What steps do, by the names that a plan uses. Each takes (here, arguments) and says whether it changed anything.

The second half are the ways back. They may run twice, and after a power cut: they look, then act.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import Any, Callable, Dict, List, Mapping

from . import facts, files, git, history, shell
from .errors import HostError, NotReady
from .here import Here
from .locks import reload_lock
from .supervisord import UP, BadConfiguration, Supervisord

Arguments = Mapping[str, Any]


def fetch(here: Here, args: Arguments) -> bool:
    clone, commit = here.clone, args["commit"]
    new = not clone.exists() or not clone.has(commit)
    if not clone.exists():
        clone.create()
    clone.exclude_own_names()
    if new:
        clone.fetch(here.say)
        if not clone.has(commit):
            clone.fetch_commit(commit, here.say)
    if clone.needs_lfs(commit):
        raise NotReady("the repository needs git-lfs, which is not installed", "install git-lfs on the host")
    return new


def refuse_edits(here: Here, args: Arguments) -> None:
    """Somebody may have edited since the look; the way back, once begun, would overwrite it."""
    edited = _edited(here, here.clone.state())
    if edited and not args["set_aside"]:
        raise NotReady("files were edited on the host: " + ", ".join(edited), "--set-aside stashes them")


def checkout(here: Here, args: Arguments) -> bool:
    state = here.clone.state()
    edited = _edited(here, state)
    if edited:
        here.clone.set_aside(here.deploy, here.say)
    if state.commit == args["commit"] and not edited:
        return False
    # Nobody's edits are here any more: what is left was changed by the last build.
    here.clone.checkout(args["commit"], here.say, force=bool(state.edits) and not edited)
    return True


def build(here: Here, args: Arguments) -> bool:
    shell.run(shell.script(args["commands"]), cwd=here.directory, env=here.with_variables(args["variables"]),
              timeout=args["timeout"], say=here.say, check=here.check)
    return True


def program(here: Here, args: Arguments) -> bool:
    """Write the program file and the environment file; supervisord's word on them counts at once."""
    supervisord = here.supervisord()
    new = {here.place.program_file(here.name): args["program_file"], here.place.env_file(here.name): args["env_file"]}
    changed = {path: text for path, text in new.items() if files.read_bytes(path) != text.encode()}
    files.ensure_dir(os.path.join(here.directory, "logs"))
    files.ensure_dir(here.place.program_dir)
    with reload_lock(here.place):
        supervisord.reload()
        for path, text in changed.items():
            files.write_atomic(path, text.encode())
        try:
            supervisord.reload()
        except BadConfiguration as error:
            _put_back(here, here.place.backup(here.name, here.deploy))
            supervisord.reload()
            raise HostError("supervisord refuses the program file: " + error.message,
                            "correct `program` in hosts.yaml") from None
    return bool(changed)


def restart(here: Here, args: Arguments) -> bool:
    """Replace the group where its configuration changed, else restart the program: never both."""
    supervisord = here.supervisord()
    info = supervisord.info(here.name)
    here.old_pid = info["pid"] or None
    here.note_log(info.get("stdout_logfile"))
    supervisord.stop(here.name, args["patience"])
    _renew(here, supervisord)
    supervisord.start(here.name)
    return True


def stop(here: Here, args: Arguments) -> bool:
    supervisord = here.supervisord()
    was = supervisord.info(here.name)["statename"]
    supervisord.stop(here.name, args["patience"])
    return was in UP


def verify(here: Here, args: Arguments) -> bool:
    """RUNNING, and then the same new pid for `startsecs` more: a crash loop looks RUNNING in between."""
    _wait_until_up(here, here.supervisord(), args["startsecs"])
    return True


def check_health(here: Here, args: Arguments) -> bool:
    from . import health  # it brings http.client and ssl

    supervisord = here.supervisord()

    def still_up() -> None:
        here.check()
        info = supervisord.info(here.name)
        if info["statename"] != "RUNNING" or info["pid"] != here.pid:
            here.say_log()
            raise HostError("it did not stay up: " + _word(info))

    try:
        health.wait(args["health"], cwd=here.directory, env=here.with_variables(args["variables"]), still_up=still_up)
    except HostError:
        here.say_log()
        raise
    still_up()
    return True


def checkout_back(here: Here, args: Arguments) -> bool:
    here.clone.unlock()
    if args["set_aside"] and not here.clone.stash(here.deploy):
        return False                # it did not get as far: what was edited lies there untouched
    state = here.clone.state()
    if state.commit != args["commit"] or state.edits:
        here.clone.checkout(args["commit"], here.say, force=True)
    if args["branch"]:
        here.clone.attach(args["branch"], args["commit"])
    here.clone.bring_back(here.deploy, here.say)
    return True


def remove_clone(here: Here, args: Arguments) -> bool:
    """A first deploy made it. Logs that lay there before stay."""
    keep = {"logs"} if args["existed"] else set()
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
        raise HostError("%s is gone: it held the files as they were" % backup)
    with reload_lock(here.place):
        _put_back(here, backup)
        here.supervisord().reload()
    return True


def program_back(here: Here, args: Arguments) -> bool:
    """RUNNING, STOPPED or absent: what the program was before is what it is again."""
    supervisord = here.supervisord()
    info = supervisord.info(here.name)
    running = args["was"] == "RUNNING"
    with reload_lock(here.place):
        _, changed, removed = supervisord.reload()
    if running and here.name not in changed and info["statename"] == "RUNNING" and info["pid"] == args["pid"]:
        return False
    here.old_pid = info["pid"] or None
    here.note_log(info.get("stdout_logfile"))
    supervisord.stop(here.name, args["patience"])
    if here.name in removed or args["was"] == "absent":
        if info["statename"] != "absent":
            supervisord.remove(here.name)
        return True
    renewed = _renew(here, supervisord)
    if running:
        supervisord.start(here.name)
        _wait_until_up(here, supervisord, args["startsecs"])
    elif renewed:
        _keep_down(here, supervisord, args["patience"])
    return True


ACTIONS: Dict[str, Callable[[Here, Arguments], bool]] = {
    "fetch": fetch, "checkout": checkout, "build": build, "program": program, "restart": restart,
    "stop": stop, "verify": verify, "health": check_health,
    "checkout_back": checkout_back, "remove_clone": remove_clone, "files_back": files_back,
    "program_back": program_back,
}


def _put_back(here: Here, backup: str) -> None:
    for name, path in (("program", here.place.program_file(here.name)), ("env", here.place.env_file(here.name))):
        old = files.read_bytes(os.path.join(backup, name))
        if old is None:
            files.remove(path)
        elif old != files.read_bytes(path):
            files.write_atomic(path, old, os.stat(os.path.join(backup, name)).st_mode & 0o777)


# What must be so before a step counts as begun: when it refuses, there is nothing to undo.
CHECKS: Dict[str, Callable[[Here, Arguments], None]] = {"checkout": refuse_edits}


def _edited(here: Here, state: git.State) -> List[str]:
    return facts.edited(state, history.last_committed(history.read(here.place, here.name)))


def _keep_down(here: Here, supervisord: Supervisord, patience: float) -> None:
    """A group that was added starts by itself (autostart): begin it, so that there is one to stop."""
    try:
        supervisord.start(here.name)
    except HostError:
        pass                # it could not start before either
    supervisord.stop(here.name, patience)


def _renew(here: Here, supervisord: Supervisord) -> bool:
    """Bring the active group (stopped now) in line with the configuration file."""
    with reload_lock(here.place):
        added, changed, _ = supervisord.reload()
        if here.name in changed:
            supervisord.remove(here.name)
        renewed = here.name in changed or here.name in added
        if renewed:
            supervisord.add(here.name)
    return renewed


def _wait_until_up(here: Here, supervisord: Supervisord, startsecs: float) -> None:
    begin, running_since, pid, pause = time.monotonic(), None, None, 0.01
    while True:
        here.check()
        info, now = supervisord.info(here.name), time.monotonic()
        state = info["statename"]
        pid = pid or info["pid"] or None
        fresh = state == "STOPPED" and pid is None and now - begin < 5
        if (state not in ("STARTING", "RUNNING") and not fresh) or (pid and info["pid"] not in (pid, 0)):
            here.say_log()
            raise HostError("it did not stay up: " + _word(info))
        if state == "RUNNING" and pid == here.old_pid:
            raise HostError("supervisord did not start a new process (still pid %s)" % pid)
        if state == "RUNNING":
            running_since = running_since or now
            if now - running_since >= startsecs:
                here.pid, here.start = pid, info["start"]
                return
        if now - begin > 2 * startsecs + 60:
            raise HostError("still %s after %g s" % (state, now - begin))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def _word(info: Mapping[str, Any]) -> str:
    """supervisord's own word for the state of the program."""
    detail = info.get("spawnerr") or info.get("description") or ""
    return "%s%s" % (info["statename"], " (%s)" % detail if detail else "")
