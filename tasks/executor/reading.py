"""What is only looked at: status, history, and how a deploy ended. No lock is taken, nothing changes."""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List

from . import facts, files, git, history, journal, locks
from .configuration import Configuration
from .errors import HostError
from .here import Here
from .link import Link
from .place import Place, existing
from .supervisord import Supervisord

Message = Dict[str, Any]
PAUSE = 2.0
LAST_WORDS = 3
TOLD = ("deploy", "at", "by", "command", "from", "to", "result", "why", "revision", "branch")


def status(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """With `watch` it looks again and again, and tells what has changed since."""
    place = existing(hello)
    git.must_be_there(env)
    told: Dict[str, str] = {}
    while True:
        begin, configuration = time.monotonic(), Configuration(place.supervisord_conf, env)
        for service in hello["services"]:
            here = Here(place, service, env, "", check=link.check, mask=link.mask)
            message = _status_of(here, service, configuration)
            if told.get(service["name"]) != _lasting(message):
                told[service["name"]] = _lasting(message)
                link.answer(message)
        if not hello.get("watch"):
            return
        link.answer({"event": "looked"})
        link.wait_for_room()
        # Never more than a fifth of the host's time.
        until = time.monotonic() + max(PAUSE, 4 * (time.monotonic() - begin))
        while time.monotonic() < until:
            link.check()
            time.sleep(0.1)


def _status_of(here: Here, service: Message, configuration: Configuration) -> Message:
    place, name = here.place, here.name
    try:
        found = facts.of_service(place, service, here.clone, Supervisord(configuration, here.check))
        elsewhere = configuration.elsewhere(name, place.program_file(name))
        due = [left for left in journal.due(place) if name in left.services]
    except HostError as error:
        return {"event": "odd", "service": name, "message": error.message, "hint": error.hint}
    found.update(
        holder=locks.holder_of(place, name), due=[left.deploy for left in due],
        due_by=[str(left.head.get("by")) for left in due], elsewhere=list(elsewhere) if elsewhere else None,
        history=found["history"][-1:],
        unloaded=facts.unloaded(place, name, found["program"]), words=_last_words(here, found["program"]))
    return {"event": "facts", "services": {name: found}}


def _lasting(message: Message) -> str:
    """What of it is the same as long as nothing happens: not the host's clock, nor supervisord's words with it."""
    said = json.loads(json.dumps(message))
    for found in said.get("services", {}).values():
        if found["program"]["state"] in ("RUNNING", "STOPPED"):
            found["program"].update(why="")
        found["program"].update(now=None)
    return json.dumps(said, sort_keys=True)


def _last_words(here: Here, program: Message) -> List[str]:
    """What a program that does not stay up said at the end."""
    if program["state"] not in ("BACKOFF", "FATAL", "EXITED"):
        return []
    return [here.mask(line) for line in files.last_lines(program.get("log") or here.log_file, LAST_WORDS)]


def heads(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """The commits on the disk, for a command that ended before it looked at this host."""
    place = existing(hello)
    now = {service["name"]: _head(place, service, env) for service in hello["services"]}
    link.answer({"event": "heads", "now": now})


def history_of(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """The newest `lines` of each service's history, oldest first."""
    place = existing(hello)
    for service in hello["services"]:
        for line in history.read(place, service["name"], hello["lines"]):
            told = {key: line.get(key) for key in TOLD}
            link.flow(dict(told, event="history", service=service["name"]))


def ask(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """How did that deploy end? Waits up to `patience` seconds while its executor is still at it."""
    place = existing(hello)
    names: List[str] = [service["name"] for service in hello["services"]]
    deadline = time.monotonic() + hello["patience"]
    while _busy(place, names, hello["deploy"]) and time.monotonic() < deadline:
        link.check()
        time.sleep(0.1)
    for service in hello["services"]:
        name = service["name"]
        line = history.find(place, name, hello["deploy"]) or {}
        link.answer({"event": "ending", "service": name, "result": line.get("result"), "why": line.get("why"),
                     "busy": _busy(place, [name], hello["deploy"]),
                     "due": any(left.deploy == hello["deploy"] for left in journal.due(place)),
                     "now": _head(place, service, env)})


def _busy(place: Place, names: List[str], deploy: str) -> bool:
    return any(locks.holder_of(place, name).get("deploy") == deploy for name in names)


def _head(place: Place, service: Message, env: Dict[str, str]) -> Any:
    return Here(place, service, env, "").tree.head()
