"""Why the shell does not find a script that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.executor.program import interpreter

WORDS = ["starting", "/srv/env: 1: exec: ./run.sh: not found"]


@pytest.mark.parametrize(("text", "words"), [
    ("#!/bin/sh\r\nexit\r\n", "has Windows line ends (CR LF)"), ("#! /no/such x\n", "wants the interpreter /no/such, "),
    ("#!/bin/sh\n", ""), ("no script", ""), ("", "")])
def test_interpreter_that_is_missing_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "run.sh").write_bytes(text.encode())
    said = interpreter.missing(WORDS, str(tmp_path))
    assert said.startswith(f"{tmp_path}/run.sh {words}") if words else said == ""
    assert interpreter.missing(WORDS[:1], str(tmp_path)) == ""


def test_interpreter_of_no_file_is_not_missing(tmp_path: Path) -> None:
    assert interpreter.missing(WORDS, str(tmp_path)) == ""
    (tmp_path / "run.sh").mkdir()
    assert interpreter.missing(WORDS, str(tmp_path)) == ""
