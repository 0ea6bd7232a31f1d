"""What is only looked at: status, logs, and how a deploy ended. No lock is taken, nothing changes."""

from __future__ import annotations

import time
from typing import Any, Dict, List

from . import facts, files, git, history, journal, locks
from .configuration import Configuration
from .errors import HostError, NotReady
from .here import Here
from .link import Link
from .place import Place
from .supervisord import Supervisord

Message = Dict[str, Any]


def status(link: Link, hello: Message, env: Dict[str, str]) -> None:
    place = _place(hello)
    configuration = Configuration(place.supervisord_conf, env)
    supervisord = Supervisord(configuration, link.check)
    if not git.present():
        raise NotReady("git is not installed (or not in PATH)", "install git on the host")
    due = journal.unfinished(place)
    for service in hello["services"]:
        here = Here(place, service, env, "", check=link.check)
        try:
            found = facts.of_service(place, service, here.clone, supervisord)
        except HostError as error:
            link.answer({"event": "odd", "service": service["name"], "message": error.message})
            continue
        elsewhere = configuration.elsewhere(service["name"], place.program_file(service["name"]))
        found.update(
            holder=locks.holder_of(place, service["name"]),
            due=[left.deploy for left in due if service["name"] in left.services],
            elsewhere=list(elsewhere) if elsewhere else None)
        link.answer({"event": "facts", "services": {service["name"]: found}})


def heads(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """The commits on the disk, for a command that ended before it looked at this host."""
    place = _place(hello)
    now = {service["name"]: _head(place, service, env) for service in hello["services"]}
    link.answer({"event": "heads", "now": now})


def logs(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """The last `lines` lines of each service's log."""
    place = _place(hello)
    for service in hello["services"]:
        path = _log_of(place, service, env)
        for line in files.last_lines(path, hello["lines"]):
            link.answer({"event": "log", "service": service["name"], "line": line})
        if not files.size_of(path):
            link.event({"event": "notice", "message": "%s: no log at %s yet" % (service["name"], path)})


def ask(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """How did that deploy end? Waits up to `patience` seconds while its executor is still at it."""
    place = _place(hello)
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
                     "due": any(left.deploy == hello["deploy"] for left in journal.unfinished(place)),
                     "now": _head(place, service, env)})


def _place(hello: Message) -> Place:
    """Unlike a change, looking makes no folder."""
    place = Place(hello["place"])
    if not files.is_dir(place.root):
        raise NotReady("the root %s does not exist" % place.root, "create it, or correct `root` in hosts.yaml")
    return place


def _log_of(place: Place, service: Message, env: Dict[str, str]) -> str:
    """Where supervisord says it is; where we would put it when supervisord is down."""
    here = Here(place, service, env, "")
    try:
        return str(here.supervisord().info(here.name).get("stdout_logfile") or here.log_file)
    except HostError:
        return here.log_file


def _busy(place: Place, names: List[str], deploy: str) -> bool:
    return any(locks.holder_of(place, name).get("deploy") == deploy for name in names)


def _head(place: Place, service: Message, env: Dict[str, str]) -> Any:
    return git.Clone(place.below_root(service["directory"]), service["repo"], env, lambda: None).head()
