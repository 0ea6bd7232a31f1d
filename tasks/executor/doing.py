"""What steps do. Each takes (here, arguments) and says whether it changed anything."""

from __future__ import annotations

import os
from typing import Any, List, Mapping

from . import facts, files, git, history, processes, running, shell
from .errors import HostError, NotReady
from .here import Here, mark
from .locks import reload_lock
from .running import fell, renew, wait_until_up
from .supervisord import UP, BadConfiguration
from .undoing import put_back

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
    missing = [path for path in args["requires"] if not clone.holds(commit, path)]
    if missing:
        raise NotReady("commit %s of %s lacks %s, which `requires` names" % (commit, here.name, ", ".join(missing)),
                       "commit and push it, or correct `requires` in hosts.yaml")
    return new


def refuse_edits(here: Here, args: Arguments) -> None:
    """Somebody may have edited since the look; the way back, once begun, would overwrite it."""
    here.looked = here.clone.state()
    edited = _edited(here, here.looked)
    if edited and not args["set_aside"]:
        raise NotReady("files were edited on the host: " + ", ".join(edited), "--set-aside stashes them")


def checkout(here: Here, args: Arguments) -> bool:
    state = here.looked or here.clone.state()
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
              timeout=args["timeout"], say=here.say, check=here.check, mask=here.mask)
    processes.end_marked(mark(here.place, here.deploy))         # what it sent to the background, in other sessions
    return True


def hook(here: Here, args: Arguments) -> bool:
    """With all that the program has in its environment, and more."""
    shell.run(shell.script(args["commands"]), cwd=args["directory"],
              env=here.with_variables({**args["secrets"], **args["variables"]}),
              timeout=args["timeout"], say=here.say, check=here.check, mask=here.mask)
    return True


def program(here: Here, args: Arguments) -> bool:
    """Write the program file and the environment file; supervisord's word on them counts at once."""
    supervisord = here.supervisord()
    texts = {here.place.program_file(here.name): args["program_file"], here.place.env_file(here.name): args["env_file"]}
    new = {path: text.encode("utf-8", "surrogateescape") for path, text in texts.items()}
    changed = {path: data for path, data in new.items() if files.read_bytes(path) != data}
    files.ensure_dir(os.path.join(here.directory, "logs"))
    if not changed:
        return False
    files.ensure_dir(here.place.program_dir)
    with reload_lock(here.place):
        supervisord.reload()
        for path, data in changed.items():
            files.write_atomic(path, data)
        try:
            supervisord.reload()
        except BadConfiguration as error:
            put_back(here, here.place.backup(here.name, here.deploy))
            supervisord.reload()
            raise HostError("supervisord refuses the program file: " + error.message,
                            "correct `program` in hosts.yaml") from None
    return True


def restart(here: Here, args: Arguments) -> bool:
    """Replace the group where its configuration changed, else restart the program: never both."""
    supervisord = here.supervisord()
    info = supervisord.info(here.name)
    here.old_pid = info["pid"] or None
    here.note_log(info.get("stdout_logfile"))
    running.stop(here, supervisord, args["patience"])
    renew(here, supervisord)
    supervisord.start(here.name)
    return True


def stop(here: Here, args: Arguments) -> bool:
    supervisord = here.supervisord()
    was = supervisord.info(here.name)["statename"]
    running.stop(here, supervisord, args["patience"])
    return was in UP


def verify(here: Here, args: Arguments) -> bool:
    """RUNNING, and then the same new pid for `startsecs` more: a crash loop looks RUNNING in between."""
    wait_until_up(here, here.supervisord(), args["startsecs"])
    return True


def check_health(here: Here, args: Arguments) -> bool:
    from . import health  # it brings http.client and ssl

    supervisord = here.supervisord()

    def still_up() -> None:
        here.check()
        info = supervisord.info(here.name)
        if info["statename"] != "RUNNING" or info["pid"] != here.pid:
            here.say_log()
            raise fell(here, info)

    try:
        health.wait(args["health"], cwd=here.tree.directory, env=here.with_variables(args["variables"]),
                    still_up=still_up)
    except HostError:
        here.say_log()
        raise
    still_up()
    return True


def _edited(here: Here, state: git.State) -> List[str]:
    return facts.edited(state, history.known(here.place, here.name), None)
