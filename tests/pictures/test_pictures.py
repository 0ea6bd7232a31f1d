"""The README's pictures are there, and show what the reports say today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.pictures.__main__ import FOLDER, main

README = (FOLDER.parents[1] / "README.md").read_text()
PICTURES = sorted(FOLDER.glob("*.svg"))


def lines(path: Path) -> Iterator[str]:
    """What stands in it, by line."""
    rows: dict[float, str] = {}
    for text in ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text"):
        line = rows.get(float(text.attrib["y"]), "")
        rows[float(text.attrib["y"])] = line + " " + (text.text or "").replace("\xa0", " ")
    yield from (rows[y] for y in sorted(rows))


# What differs from run to run: commits, ids, times, which steps took some, and how soon the program that falls was seen
# falling.
VARYING = re.compile(r"^\s*[✓·]\s+web.*|^\s*✗\s+web.* · .*|\b\d{8}-\d{6}-\w{6}\b|\b[0-9a-f]{8}\b"
                     r"|[\d.]+ (s|min)\b|just now|\w+ ago|(verify|health)(?= failed)|(?<=did not stay up: ).*")


def words(path: Path) -> list[list[str]]:
    """supervisord may have started it again: what it says twice counts once."""
    rows = [re.findall(r"[^\W\d_][\w./-]*", VARYING.sub("", line)) for line in lines(path)]
    return [line for line, _ in groupby(rows)]


@pytest.mark.seconds(15)
@pytest.mark.usefixtures("real_hosts")
def test_pictures_are_current(tmp_path: Path) -> None:
    main(tmp_path)
    made = {path.name: words(path) for path in tmp_path.iterdir()}
    assert made == {path.name: words(path) for path in PICTURES}, "python -m tests.pictures makes them anew"


def test_readme_shows_every_picture() -> None:
    assert sorted(re.findall(r"\(docs/pictures/([\w.]+)\)", README)) == [path.name for path in PICTURES]


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_picture_is_small_and_names_no_machine(path: Path) -> None:
    text = path.read_text()
    assert len(text) < 12_000
    assert re.findall(r"\w+://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert 'xml:space="preserve"' in text, "librsvg would drop the blanks at the ends of texts"
    assert not [line for line in lines(path) if re.search(r"@|(?<!\.)/\w", line)]
