"""What a deploy would do, looked at beforehand. No lock of a service is taken; git fetches, nothing else changes."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, Mapping

from . import facts, files, git, journal, locks, masking, reading, revision
from .configuration import Configuration
from .here import Here
from .link import Link
from .place import existing
from .supervisord import Supervisord

Message = Dict[str, Any]


def plan(link: Link, hello: Message, env: Dict[str, str]) -> None:
    """Look as often as the client says `lock`, as it would to a deploy; then compare with the commits it names."""
    place = existing(hello)
    git.must_be_there(env)
    heres = {service["name"]: Here(place, service, env, hello["deploy"], check=link.check, mask=link.mask)
             for service in hello["services"]}
    message: Message = {"do": "lock"}
    while message["do"] in ("lock", "unlock"):
        if message["do"] == "lock":
            _look(link, hello, heres, env)
        message = link.receive()
    for name, wanted in sorted(message.get("services", {}).items()):
        link.answer(dict(_compared(heres[name], wanted), event="compared", service=name))


def _look(link: Link, hello: Message, heres: Mapping[str, Here], env: Dict[str, str]) -> None:
    """While somebody changes a service there is nothing to say of it."""
    place = existing(hello)
    for name in sorted(heres):
        holder = locks.holder_of(place, name)
        if holder:
            reading.heads(link, hello, env)
            link.answer({"event": "refused", "service": name, "holder": holder})
            return
    for service in hello["services"]:
        if service.get("revision"):
            found = revision.resolve(heres[service["name"]], service["revision"])
            link.answer(dict(found, event="resolved", service=service["name"]))
    configuration = Configuration(place.supervisord_conf, env)
    supervisord = Supervisord(configuration, link.check)
    due = journal.due(place)
    known = {}
    for service in hello["services"]:
        found = facts.of_service(place, service, heres[service["name"]].clone, supervisord)
        in_the_way = facts.obstacles(place, service, configuration, supervisord)
        found.update(due=[left.deploy for left in due if service["name"] in left.services],
                     obstacles=[error.message for error in in_the_way])
        known[service["name"]] = found
    link.answer({"event": "facts", "services": known})


def _compared(here: Here, wanted: Message) -> Message:
    """The way from `was` to `commit`, what of `requires` it lacks, and the environment file by names and digests."""
    commit, found = wanted["commit"], {}
    if _has(here, commit):
        found = revision.way(here, wanted["was"] or "HEAD", commit)
        found["missing"] = [path for path in wanted["requires"] if not here.clone.holds(commit, path)]
    text = (files.read_bytes(here.place.env_file(here.name)) or b"").decode("utf-8", "surrogateescape")
    return dict(found, secrets=masking.secret_names(text),
                variables={name: _digest(value) for name, value in masking.values(text).items()})


def _has(here: Here, commit: str) -> bool:
    """After a fetch, if it takes one; a first deploy makes the clone, looking does not."""
    if not here.clone.exists():
        return False
    if not here.clone.has(commit):
        here.clone.fetch(here.say)
    if not here.clone.has(commit):
        here.clone.try_commit(commit, here.say)
    return here.clone.has(commit)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
