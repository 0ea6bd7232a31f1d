"""executor/message_check.py: what the client says is checked against the protocol's page."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from tasks.executor import message_check, protocol
from tasks.executor.message_check import NotInProtocol, check
from tasks.executor.steps import ACTIONS

SERVICE = {"name": "monitor", "directory": "d", "subdirectory": "", "repo": "r", "login": None, "fetch_timeout": 600,
           "shared": [], "files": [], "programs": [
               {"group": "a", "processes": ["a"], "user": None, "socket": None, "logs": []}],
           "revision": None}
STATUS = {"do": "status", "watch": False, "named": None, "lease": 30, "login_timeout": 10, "services": [SERVICE],
          "place": {"root": "/r", "supervisord_conf": "s", "program_dir": "p", "state": "f", "sudo": False},
          "sudo_password": None}
COMMIT = "1a" * 20
STEP = {"name": "fetch", "phase": "prepare", "action": "fetch",
        "args": {"commit": COMMIT, "revision": "main", "requires": [], "files": []},
        "undo": {"action": "remove_clone", "args": {"existed": False, "keep": []}}, "undo_last": True,
        "undo_at": None}


def plan(**step: Any) -> dict[str, Any]:
    part = {"record": {}, "steps": [{**STEP, **step}], "tidy": None, "on_failure": None, "hook_env": None,
            "client_drains": False}
    return {"do": "plan", "phases": ["prepare"], "services": {"monitor": part}}


def test_message_of_the_protocol_passes() -> None:
    assert check(STATUS, protocol.VERBS) == STATUS
    assert check(plan(), protocol.FURTHER) == plan()
    assert check(plan(undo=None), protocol.FURTHER)
    assert check({"do": "commit"}, protocol.FURTHER)


@pytest.mark.parametrize(("message", "words"), [
    ({}, "do: None"), ({"do": "dance"}, "do: 'dance'"), ({"do": ["status"]}, "do: ['status']"),
    ({"do": "commit"}, "do: 'commit'"),
    ({**STATUS, "lease": "30"}, "status: lease"), ({**STATUS, "lease": True}, "status: lease"),
    ({**STATUS, "watch": 1}, "status: watch"), ({**STATUS, "services": {}}, "status: services"),
    ({**STATUS, "services": [{**SERVICE, "shared": [1]}]}, "status: services"),
    ({**STATUS, "place": {"root": "/r"}}, "status: place"),
    ({key: value for key, value in STATUS.items() if key != "place"}, "status: place")])
def test_first_message_is_refused_when_it_is_none(message: dict[str, Any], words: str) -> None:
    with pytest.raises(NotInProtocol) as caught:
        check(message, protocol.VERBS)
    assert caught.value.message.endswith(f": {words}")


@pytest.mark.parametrize("step", [
    {"phase": "later"}, {"args": {"commit": COMMIT}},
    *({"args": {"commit": commit, "revision": "main", "requires": [], "files": []}}
      for commit in (None, "HEAD", "--output=/x")),
    {"action": "explode"},
    {"undo": {"action": "remove_clone", "args": {}}}, {"undo": {"action": "explode", "args": {}}}, {"undo": "no"}])
def test_plan_is_refused_when_a_step_does_not_fit(step: dict[str, Any]) -> None:
    with pytest.raises(NotInProtocol):
        check(plan(**step), protocol.FURTHER)


def test_every_action_has_arguments_in_the_protocol() -> None:
    assert protocol.ARGUMENTS.keys() == ACTIONS.keys()


@pytest.mark.parametrize("kind", [*protocol.VERBS.values(), *protocol.FURTHER.values(), *protocol.ARGUMENTS.values()],
                         ids=lambda kind: kind.__name__)
def test_types_of_a_message_are_those_of_its_class(kind: Any) -> None:
    """As Python itself evaluates the annotations, which takes longer."""
    assert message_check._fields(kind) == typing.get_type_hints(kind)


@pytest.mark.parametrize("kind", [*protocol.VERBS.values(), *protocol.FURTHER.values(), *protocol.ARGUMENTS.values()],
                         ids=lambda kind: kind.__name__)
def test_annotations_are_of_the_types_that_the_check_knows(kind: Any) -> None:
    def types(hint: Any) -> list[Any]:
        return [hint, *(inner for part in getattr(hint, "__args__", ()) if not isinstance(part, str)
                        for inner in types(part))]

    for hint in typing.get_type_hints(kind).values():
        for found in types(hint):
            assert getattr(found, "__origin__", found) in (
                Any, str, int, float, bool, list, dict, type(None), typing.Union, typing.Literal) or (
                issubclass(found, dict))


def test_messages_have_the_names_that_the_tables_give_them() -> None:
    for name, kind in {**protocol.VERBS, **protocol.FURTHER}.items():
        assert message_check._fits(name, typing.get_type_hints(kind)["do"]) or name == "plan"
