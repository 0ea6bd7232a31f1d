"""Hosts that an older version deployed to: what lies in their state folder is read, and gone on from.

Each file in older/ is the state folder that the executor of that commit left, run on the same story as here: two
deploys, one whose build failed, and one that was killed right before its commit. 73aa86b is the last commit of 1.0.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from string import Template
from typing import Any

import pytest

from tests.executor.driver import Example

STATES = sorted((Path(__file__).parent / "older").glob("*.json"))


def told(example: Example, verb: str, **more: Any) -> list[dict[str, Any]]:
    with example.deploy() as deploy:
        deploy.hello(verb, **more)
        return deploy.executor.rest()


@pytest.fixture(params=STATES, ids=lambda path: path.stem)
def older(request: pytest.FixtureRequest, example: Example) -> Example:
    """A service after that story, with the state folder of the older version."""
    example.service = example.with_(strategy=request.param.stem.partition("-")[2])
    names: dict[str, Any] = {"root": example.host.root, "repo": example.work, "service": example.name}
    for name in ("first", "second"):
        names[name] = example.write()
        example.committed()
    names.update(pid=example.info()["pid"], start=example.info()["start"])
    names["third"], names["fourth"] = example.write(), example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    _replace_state(example.host.root / ".fabvisor", request.param, names)
    return example


def _replace_state(state: Path, source: Path, names: dict[str, Any]) -> None:
    shutil.rmtree(state)
    for path, text in json.loads(source.read_text()).items():
        file = state / Template(path).substitute(names)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).safe_substitute(names))


@pytest.mark.promise(4)
@pytest.mark.rows(2)
def test_what_an_older_version_left_is_read_undone_and_rolled_back(older: Example) -> None:
    _is_read(older)
    lines = [line["to"] for line in older.host.history(older.name) if line["result"] == "committed"]
    first, second = lines
    with older.deploy() as deploy:
        deploy.look()
        locked = next(message for message in deploy.executor.heard if message["event"] == "locked")
        assert [one["result"] for one in locked["recovered"]] == ["restored"]
        assert deploy.facts[older.name].committed["to"] == second
    assert not older.host.leftovers()
    assert (older.head(), older.info()["statename"]) == (second, "RUNNING")
    with older.deploy() as deploy:
        deploy.look(revision=first).plan().done("prepare").run("activate").done("activate")
        deploy.executor.send({"do": "commit"})
        assert deploy.ending()["event"] == "committed"
    assert older.head() == first


def _is_read(older: Example) -> None:
    """The history, the run logs, and by `status` the deploy that was interrupted."""
    lines = [message for message in told(older, "history") if message["event"] == "history"]
    results = [(line["result"], line["why"]) for line in lines]
    assert results == [("committed", None), ("committed", None), ("restored", "exit status 1")]
    assert all(line["by"] == "ann@laptop" and line["at"] and line["branch"] == "main" for line in lines)

    with older.deploy() as deploy:
        deploy.hello("runs", lines=50)
        deploys = deploy.executor.until("runs")["deploys"]
        assert len(deploys) == 4
        deploy.executor.send({"do": "show", "deploy": deploys[0]})
        logs = [message["line"] for message in deploy.executor.rest() if message["event"] == "log"]
    assert any(line.endswith(f"{older.name} fetch begins") for line in logs), logs

    (facts,) = [message["services"][older.name] for message in told(older, "status") if message["event"] == "facts"]
    assert len(facts["due"]) == 1 and facts["due_by"] == ["ann@laptop"]
    assert facts["committed"]["to"] and facts["holder"] == {}


@pytest.mark.promise(4)
@pytest.mark.parametrize("unfinished", ["replace", "undo"])
@pytest.mark.rows(1)
def test_journal_that_only_a_newer_version_can_undo_is_left_whole(example: Example, unfinished: str) -> None:
    example.write()
    example.committed()
    example.write()
    with example.deploy() as deploy:
        deploy.prepare().executor.kill()
    [path] = (example.host.root / ".fabvisor/journal").glob("*.json")
    newer = path.read_text().replace('"files_back"', '"files_back_at_once"')
    path.write_text(re.sub(r'"fabvisor": "[^"]+"', '"fabvisor": "9.1.0"', newer))
    with example.deploy() as deploy:
        deploy.hello(unfinished=unfinished)
        refused = deploy.ending()
    assert refused["event"] == "problem" and refused["kind"] == "not_ready", refused
    assert "only Fabvisor 9.1.0 can undo it" in refused["message"] and "fab recover" in refused["hint"]
    assert path.exists() and example.results() == ["committed"]
