"""No text of a host repaints a screen, forges a line, or hides anything: every field of every event, every format."""

from __future__ import annotations

import io
import json
import unicodedata
from typing import Any
from xml.etree import ElementTree as xml

import msgspec
import pytest
from rich.console import Console

from tasks.reports.console import plain
from tasks.reports.console.terminal import Terminal
from tasks.reports.formats import FORMATS, choose
from tasks.reports.jobs import github, gitlab
from tasks.reports.reporters import Reporters
from tasks.reports.text.visible import escaped, visible_line, visible_text
from tasks.rollout import events

ATTACKS = {
    "colour": "\x1b[31m",
    "move": "\x1b[2J\x1b[1;1H",
    "title": "\x1b]0;title\x07",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "link": "\x1b]8;;http://x.example\x1b\\",
    "open": "\x1b]52;c;never ended",
    "section": "\x1b[0Ksection_end:1714557600:deploy-web1\r\x1b[0K",
    "return": "a\rb",
    "line": "\nweb1: all well",
    "c1": "\x9b2J\x9d0;title\x9c\x85",
    "delete": "\x7f\x08\x00",
    "bidi": "\u202e\u2066\u200f\u061c",
    "zero width": "\u200b\u2060\ufeff\u00ad",
    "tags": "\U000e0041\U000e007f",
    "separators": "\u2028\u2029",
    "half": "\udce9\ud800",
    "no characters": "\ufffe\uffff",
}
EVIL = "BEGIN" + "".join(ATTACKS.values()) + "END"
EVENTS = sorted((event for event in events.Event.__subclasses__() if event is not events.Started),
                key=lambda event: event.__name__)


def filled(kind: type[msgspec.Struct], text: str) -> Any:
    """An event with this text in each of its texts."""
    return msgspec.convert({field.encode_name: value_of(field.type, text) for field in msgspec.structs.fields(kind)}
                           | {"event": kind.__struct_config__.tag}, kind)


def value_of(type: Any, text: str) -> Any:
    schema = msgspec.inspect.type_info(type)
    return build(schema, text)


def build(info: Any, text: str) -> Any:
    match info:
        case msgspec.inspect.UnionType():
            return build(next(each for each in info.types if not isinstance(each, msgspec.inspect.NoneType)), text)
        case msgspec.inspect.LiteralType():
            return info.values[0]
        case msgspec.inspect.ListType():
            return [build(info.item_type, text)]
        case msgspec.inspect.DictType():
            return {text: build(info.value_type, text)}
        case msgspec.inspect.StructType():
            return {field.encode_name: build(field.type, text) for field in info.fields}
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return 1
        case msgspec.inspect.BoolType():
            return False
    return text


def started(text: str) -> events.Event:
    return events.Started(command="deploy", environment=text, hosts=[text], services=[text, "other"], deploy=text,
                          url=text)


def hidden(text: str) -> set[str]:
    return {character for character in text
            if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("format", ["plain", "gitlab", "github", "terminal"])
def test_text_of_a_host_is_visible_in_every_field_of_every_event(format, kind, shown):
    page = shown(environ={"NO_COLOR": "1"})
    reporter = {
        "plain": lambda: plain.reporter(page.screen), "gitlab": lambda: gitlab.reporter(page.screen),
        "github": lambda: github.reporter(page.screen),
        "terminal": lambda: Terminal(page.screen, Console(file=page.screen.out, width=200, _environ={}), False),
    }[format]()
    with reporter:
        reporter.on(started(EVIL))
        at = {"host": EVIL, "service": EVIL, "step": EVIL}
        reporter.on(events.StepStarted(**at))
        reporter.on(filled(kind, EVIL))
        reporter.on(events.StepFinished(**at, ok=False, changed=True, seconds=1, why=EVIL))
        reporter.on(filled(events.Finished, EVIL))
    text = page.text.replace("\x1b[0Ksection_start", "section_start").replace("\r\x1b[0K", "")
    text = text.replace("\x1b[0Ksection_end", "section_end")
    assert hidden(text) == set()
    assert text.count("section_start") == text.count("\nsection_end")
    assert "END" in text


def test_format_that_is_new_is_tested_here_too():
    assert set(FORMATS) == {"plain", "gitlab", "github", "terminal", "json"}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_json_lines_escape_what_is_hidden_and_keep_the_text(kind: Any) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    with choose("json", False, {}, stream, io.StringIO()) as reporter:
        reporter.on(filled(kind, EVIL))
    text = stream.buffer.getvalue().decode()
    assert hidden(text) == set()
    assert text.isascii()
    assert EVIL.encode("utf-8", "replace").decode() in strings(json.loads(text))


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in [*value, *value.values()] for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_reports_in_files_hold_only_visible_text(kind, tmp_path):
    with Reporters(choose("plain", False, {}, io.StringIO(), io.StringIO())) as reporters:
        for name in ("junit", "dotenv"):
            reporters.add_file(name, str(tmp_path / name))
        at = {"host": EVIL, "service": EVIL, "step": EVIL}
        for event in [started(EVIL), events.StepStarted(**at), events.Output(**at, line=EVIL), filled(kind, EVIL),
                      events.StepFinished(**at, ok=False, changed=True, seconds=1, why=EVIL),
                      filled(events.Finished, EVIL)]:
            reporters.on(event)
    suite = xml.parse(tmp_path / "junit").getroot()
    assert [case.get("classname") for case in suite.iter("testcase")] == [visible_line(EVIL)]
    assert hidden((tmp_path / "junit").read_text("utf-8")) == set()
    lines = (tmp_path / "dotenv").read_text("utf-8").splitlines()
    assert [line.partition("=")[0] for line in lines] == ["DEPLOY_URL", "DEPLOY_REVISION"]


def test_question_is_visible_text(shown):
    page = shown()
    with plain.reporter(page.screen) as reporter:
        reporter.ask(f"deploy to {EVIL}?")
    assert hidden(page.text) == set()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_visible_line_keeps_what_stands_around_an_attack(attack):
    text = visible_line(f"before {attack} after")
    assert hidden(text) == set() and text.endswith("after")
    assert attack == "a\rb" or attack.endswith("\r\x1b[0K") or text.startswith("before ")


@pytest.mark.parametrize(("raw", "text"), [
    ("\x1b[1;31mred\x1b[0m", "red"),
    ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("10 %\r50 %\r100 %\r\n", "100 %"),
    ("a\tb\x00\x07\x7f\x85\u2028", "a\tb"),
    ("grün 日本 \U0001f600 no\u00a0break", "grün 日本 \U0001f600 no\u00a0break"),
    ("caf\udce9", "caf?"),
    ("one\ntwo", "onetwo"),
])
def test_visible_line_is_one_line_of_visible_characters(raw, text):
    assert visible_line(raw) == text


def test_visible_text_keeps_line_breaks():
    assert visible_text("one\x1b[2J\r\n10 %\r20 %\n\nthree") == "one\n20 %\n\nthree"


def test_escaped_json_has_only_ascii_escapes_for_what_is_hidden():
    raw = '"grün \x7f\x9b\u202e\U000e0041"'
    assert escaped(raw) == '"grün \\u007f\\u009b\\u202e\\udb40\\udc41"'
    assert json.loads(escaped(raw)) == json.loads(raw)
