"""The schema for editors and the reader agree, and the copy of it that editors use is today's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import fabric.main
import pytest
from jsonschema import Draft202012Validator

from tasks._fabric_program import FabricProgram
from tasks.inventory.document import schema, shape
from tasks.inventory.document.document import parse
from tasks.inventory.rules import program_options
from tests.support.lab import CHECKOUT
from tests.support.pages import ALL_PAGES, blocks, coded, table
from tests.test_pages import KEYS

from .samples import SCHEMA, schema_errors, whole
from .test_mistakes import HEALTH, PROGRAM, REFERENCES, SHAPE, VALUES, VARIABLES

MODELINE = "# yaml-language-server: $schema="
# What the reader refuses before the shape counts, by how YAML reads it; and 22.0, to JSON Schema a whole number.
READING = ("octal", "hexadecimal", "plus sign", "underscore", "to base sixty", "twice", "key that", "bad merge",
           "unknown tag", "as YAML reads", "port as a fraction")


def test_schema_file_for_editors_is_current() -> None:
    """If not: ./fab config.schema >docs/hosts.schema.json"""
    assert json.loads(SCHEMA.read_text()) == schema.json_schema()
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_config_schema_prints_the_file_without_a_hosts_yaml(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hosts.yaml").write_text("services: [broken")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fabric.main, "program", program := FabricProgram())
    program.run(["fab", f"--search-root={CHECKOUT}", "config.schema", "--format", "plain"])
    assert capsys.readouterr() == (SCHEMA.read_text(), "")


@pytest.mark.parametrize("text", [*blocks("yaml", ALL_PAGES), (CHECKOUT / "hosts.yaml").read_text()])
def test_schema_takes_what_the_loader_takes(text: str) -> None:
    """So does all that `samples.inventory` reads, for other tests."""
    assert schema_errors(text) == []


def rows(*tables: list[Any]) -> list[Any]:
    return [row for table in tables for row in table if not any(word in row.id for word in READING)]


@pytest.mark.parametrize(("parts", "expected"), rows(SHAPE))
def test_schema_refuses_a_wrong_shape(parts: dict[str, str], expected: str) -> None:
    assert schema_errors(whole(**parts))


@pytest.mark.rows(40)
@pytest.mark.parametrize(("parts", "expected"), rows(VARIABLES, VALUES, PROGRAM, HEALTH, REFERENCES))
def test_schema_refuses_exactly_what_the_shape_check_refuses(parts: dict[str, str], expected: str) -> None:
    """And nothing else: what a value may say is the reader's to judge."""
    assert bool(schema_errors(whole(**parts))) == bool(shape.check(parse(whole(**parts).encode()))[1])


def test_schema_describes_every_documented_key() -> None:
    of = {"File", "Service", "ServiceFile", "OneProgram", "Health", "Environment", "Notification", "Settings"}
    kinds = schema.json_schema()["$defs"]
    assert {kind.__name__ for kind in KEYS.values()} == of
    for heading, kind in KEYS.items():
        described = {key for key, about in kinds[kind.__name__]["properties"].items() if about.get("description")}
        assert {key for row in table(heading) for key in coded(row[0])} <= described


def test_schema_describes_a_key_alike_wherever_it_stands() -> None:
    descriptions: dict[str, set[str]] = {}
    for name, kind in schema.json_schema()["$defs"].items():
        for key, about in kind["properties"].items():
            assert about.get("description"), f"{name}.{key}"
            descriptions.setdefault(key, set()).add(about["description"])
    # These are of a host and of a service, of a service and of a health check, of the file and of an environment, of an
    # environment and of a program, of a hook and of a notification.
    apart = {key for key, texts in descriptions.items() if len(texts) > 1}
    assert apart == {"variables", "command", "services", "hosts", "run", "on"}


def test_schema_states_the_documented_defaults() -> None:
    kinds = schema.json_schema()["$defs"]
    for heading, kind in KEYS.items():
        for row in table(heading):
            default = row[1].strip("`")
            for key in coded(row[0]):
                stated = re.search(r"(\S+) unless given", kinds[kind.__name__]["properties"][key]["description"])
                if stated and stated[1] not in ("~/.ssh/config's", "name"):
                    assert stated[1] == default, key


@pytest.mark.parametrize("kind", ["Service", "Overrides"])
def test_schema_lists_supervisords_options(kind: str) -> None:
    assert set(schema.json_schema()["$defs"][kind]["properties"]["program"]["properties"]) == set(program_options.KINDS)


def test_modeline_of_hosts_yaml_names_the_schema_file() -> None:
    first = (CHECKOUT / "hosts.yaml").read_text().splitlines()[0]
    assert CHECKOUT / first.removeprefix(MODELINE) == SCHEMA
    assert MODELINE in ALL_PAGES
