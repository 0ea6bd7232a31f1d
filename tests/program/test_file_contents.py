"""The content of each file of `files`: what becomes of sources, templates, secrets and variables."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tasks._errors import InventoryError, NotReady
from tasks.inventory.loading import Inventory, load
from tasks.inventory.model import Target
from tasks.inventory.secret import Secret, reveal
from tasks.inventory.secret_sources import of_environment
from tasks.inventory.service_file import LARGEST, FileContent
from tasks.program import quoting
from tasks.program.file_contents import FileContents

TEXT = """\
services:
  shop:
    repo: r
    command: c
    variables: {PORT: "8000"}
    secrets: [TOKEN]
    files: {FILES}
environments:
  production: {branch: main, root: /srv/app, hosts: [web1, web2]}
"""
VALUES = {"TOKEN": "t0ken's", "KEY": "-----BEGIN\nkey\n"}
# Of a variable: what is special to sh, or to a dotenv library. python-dotenv puts in `${…}`, and has no `\$`.
EXACT = ["", "plain", "a b", "it's", 'say "hi"', "it's \"x\" \\", "C:\\dir\\", "#no comment", "$HOME", "two\nlines",
         "ä€", "a=b", "`id`", " spaces ", "\\n", "!x", "it's $HOME and `id`", '{"key": "-----\\nMII\\n"}', "a\\\\b"]


def inventory(folder: Path, files: str) -> Inventory:
    (folder / "hosts.yaml").write_text(TEXT.replace("{FILES}", files))
    return load(folder / "hosts.yaml")


def filled(folder: Path, files: str) -> tuple[Target, ...]:
    read = inventory(folder, files)
    targets = of_environment(read, "production", VALUES).fill(read.environment("production").targets)
    return FileContents(read).fill(targets)


def contents(folder: Path, files: str) -> dict[str, FileContent]:
    return {content.path: content for content in filled(folder, files)[0].service.file_contents}


def text(content: FileContent) -> str:
    return content.text if isinstance(content.text, str) else reveal(content.text)


def test_source_arrives_as_it_is_and_a_template_is_filled(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"\xff\x00 ${PORT} ${X}\r\n")
    (tmp_path / "t").write_text("$PORT ${PORT}${RUN_MODE} ${ENVIRONMENT} ${HOST} $${ {PORT}\n")
    found = contents(tmp_path, "{raw: raw, t: {source: t, template: true}}")
    assert text(found["raw"]).encode("utf-8", "surrogateescape") == b"\xff\x00 ${PORT} ${X}\r\n"
    assert text(found["t"]) == "$PORT 8000production production web1 $${ {PORT}\n"
    assert {(content.mode, content.secrecy) for content in found.values()} == {(0o644, "none")}


@pytest.mark.promise(7)
def test_content_with_a_secret_is_secret_and_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("token = ${TOKEN}\n")
    found = contents(tmp_path, """{t: {source: t, template: true}, key: {secret: KEY},
        open: {secret: KEY, mode: "0640"}, .env: {variables: true}}""")
    assert {path: (content.secrecy, content.mode) for path, content in found.items()} == {
        "t": ("parts", 0o600), "key": ("all", 0o600), "open": ("all", 0o640), ".env": ("parts", 0o600)}
    assert all(isinstance(content.text, Secret) and isinstance(content.data, Secret) for content in found.values())
    assert "t0ken" not in repr(found) and "key" not in f"{found['key'].text} {found['key'].data}"
    assert text(found["t"]) == "token = t0ken's\n" and text(found["key"]) == VALUES["KEY"]


@pytest.mark.parametrize("value", EXACT)
def test_dotenv_file_holds_each_value_exactly(tmp_path: Path, value: str) -> None:
    read = inventory(tmp_path, "{.env: {variables: true}}")
    values = {"TOKEN": value, "KEY": ""}
    targets = of_environment(read, "production", values).fill(read.environment("production").targets)
    (made,) = FileContents(read).fill(targets)[0].service.file_contents
    path = tmp_path / "made"
    path.write_text(text(made))
    shown = subprocess.run(["sh", "-c", '. "$0" && printf %s "$TOKEN"', str(path)], capture_output=True, check=True)
    assert shown.stdout.decode() == value
    by_library = dotenv_values(stream=io.StringIO(text(made)))
    assert by_library["PORT"] == "8000" and by_library["RUN_MODE"] == "production"
    assert by_library["TOKEN"] == value or ("$" in value and "'" in value)


def test_json_with_escapes_stands_in_single_quotes_where_every_library_takes_it_as_it_is() -> None:
    assert quoting.for_dotenv('{"key": "-----\\nMII"}') == """'{"key": "-----\\nMII"}'"""


@pytest.mark.promise(9)
@pytest.mark.parametrize(("files", "expected"), [
    ("{a: absent}", "there is no file absent beside"),
    ("{a: folder}", "folder is a folder: name each of its files"),
    ("{a: plain/x}", "there is no file plain/x beside"),
    ("{a: large}", f"large has {LARGEST + 1} bytes; the most is {LARGEST} (1 MB)"),
    ("{a: pipe}", "pipe is no ordinary file"),
    ("{a: {source: bad, template: true}}", "bad:2: no variable or secret ${PROT} is set; did you mean 'PORT'?"),
])
def test_file_without_content_is_one_mistake_with_its_line(tmp_path: Path, files: str, expected: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_text("x")
    (tmp_path / "bad").write_text("${PORT}\n${PROT}\n")
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InventoryError) as caught:
        filled(tmp_path, files)
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (7, "services.shop.files.a")
    assert problem.message.startswith(expected)
    read = inventory(tmp_path, files)
    with pytest.raises(InventoryError) as foreseen:
        FileContents(read).check(read.environment("production").targets)
    assert foreseen.value.problems == [problem]


def test_files_are_checked_without_the_values_of_secrets(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("${PORT} ${TOKEN}")
    read = inventory(tmp_path, "{a: {source: t, template: true}, b: {secret: KEY}, c: {variables: true}}")
    FileContents(read).check(read.environment("production").targets)


@pytest.mark.promise(9)
def test_more_than_a_host_takes_at_once_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * LARGEST)
    with pytest.raises(NotReady, match="the `files` for web1 have 5000000 bytes together; the most"):
        filled(tmp_path, "{a: x, b: x, c: x, d: x, e: x}")
