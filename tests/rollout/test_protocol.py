"""rollout/protocol.py: what hosts say is decoded and checked against the protocol's page."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields

from tasks.executor import protocol as page
from tasks.rollout import protocol
from tasks.rollout.facts import Facts
from tasks.rollout.protocol import NotInProtocol, decode

COMMIT = "a" * 40
RESOLVED = {"event": "resolved", "service": "monitor", "revision": "main", "commit": COMMIT, "branch": "main",
            "subject": "x", "back": 0, "forward": 1, "dropped": [], "commits": []}
LOCAL = ("signal", "gone", "connected", "unreachable", "lost", "signalled")


def test_message_of_a_host_becomes_a_value() -> None:
    resolved = decode("web1", RESOLVED)
    assert isinstance(resolved, protocol.Resolved) and resolved.commit == COMMIT
    output = decode("web1", {"event": "output", "service": "monitor", "step": "build", "line": "cc", "host": "web2"})
    assert output.host == "web1", "no host can speak for another"      # type: ignore[union-attr]


@pytest.mark.promise(8)
@pytest.mark.parametrize("kind", LOCAL)
def test_host_cannot_say_what_only_the_client_knows(kind: str) -> None:
    with pytest.raises(NotInProtocol):
        decode("web1", {"event": kind, "number": 2})


@pytest.mark.parametrize("message", [
    {"event": "dance"}, {"event": None}, {"event": ["done"]}, {"event": "done"}, {"event": "done", "phase": "later"},
    {"event": "done", "phase": "\ud800"}, {"event": "done", "phase": "prepare", "\ud800": 1},
    {"event": "host_state", "state": "x" * 1001, "detail": ""},
    {"event": "facts", "services": {"monitor": {}}}, {"event": "facts", "services": []},
    {"event": "committed", "now": {"monitor": 3}}, {"event": "refused", "service": "monitor", "holder": "ann"},
    {"event": "step_finished", "service": "monitor", "step": "build", "ok": "yes", "changed": True, "seconds": 1},
    {"event": "step_finished", "service": "monitor", "step": "build", "ok": True, "changed": True,
     "seconds": float("nan"), "why": None, "stopped": False}])
def test_message_that_does_not_fit_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(NotInProtocol):
        decode("web1", message)


@pytest.mark.promise(1)
@pytest.mark.parametrize("commit", ["HEAD", "--output=/etc/passwd", "main", "a" * 39, "A" * 40, "", COMMIT + "\n"])
def test_resolved_commit_is_a_full_hash_or_nothing(commit: str) -> None:
    with pytest.raises(NotInProtocol):
        decode("web1", {**RESOLVED, "commit": commit})


def messages() -> dict[str, Any]:
    """By name, the classes of the page for what a host says."""
    return {typing.get_type_hints(kind)["event"].__args__[0]: kind for kind in typing.get_args(page.HostMessage)}


def test_client_knows_every_message_of_the_page() -> None:
    assert protocol.KINDS.keys() == messages().keys()


def agree(struct: Any, kind: Any, *apart: str) -> None:
    """The fields are those of the page; those that the page may leave out have a default."""
    ours = {field.encode_name: field for field in fields(struct) if field.encode_name not in apart}
    theirs = {name: base for base in reversed(kind.__mro__) for name in vars(base).get("__annotations__", {})}
    assert ours.keys() <= theirs.keys() | {"host"}
    for name, field in ours.items():
        if not theirs.get(name, kind).total:
            assert field.default is not NODEFAULT or field.default_factory is not NODEFAULT, name


@pytest.mark.parametrize("name", sorted(messages()))
def test_value_has_the_fields_of_the_page(name: str) -> None:
    agree(protocol.KINDS[name], messages()[name], *(["from"] if name == "history" else []))
    assert len(fields(protocol.KINDS[name])) >= len(typing.get_type_hints(messages()[name])) - 1


def test_facts_have_the_fields_of_the_page() -> None:
    agree(Facts, page.ServiceFacts)
