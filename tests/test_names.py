"""Names: in `tasks/` files are verbs and folders are nouns, and none hides another module; tests are sentences."""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
TASKS = ROOT / "tasks"
# Import names of what requirements.txt and tests/requirements.txt install, where they differ from the package's.
OTHERWISE = {"pyyaml": "yaml", "pytest-timeout": "pytest_timeout"}


@functools.cache
def packages() -> set[str]:
    found = set()
    for file in (ROOT / "requirements.txt", ROOT / "tests/requirements.txt"):
        for line in file.read_text().splitlines():
            match = re.match(r"([A-Za-z0-9._-]+)==", line)
            if match:
                found.add(OTHERWISE.get(match[1].lower(), match[1].lower().replace("-", "_")))
    return found


def names() -> list[str]:
    """Whatever stands directly in tasks/."""
    found = {path.stem for path in TASKS.iterdir() if path.suffix == ".py" or path.is_dir()}
    return sorted(found - {"__init__", "__pycache__"})


def test_package_reader_reads_the_requirements() -> None:
    assert {"fabric", "invoke", "paramiko", "yaml", "rich", "supervisor", "asyncssh", "pytest"} <= packages()


def test_module_name_hides_no_other_module() -> None:
    assert [name for name in names() if name in sys.stdlib_module_names or name in packages()] == []


def test_verb_is_one_word() -> None:
    """Task names take dashes only, and a verb is one word."""
    assert [name for name in names() if not re.fullmatch(r"_.*|[a-z]+", name)] == []


def repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def test_names_of_tests_are_sentences_of_their_own() -> None:
    files = list((ROOT / "tests").rglob("test_*.py"))
    names = [name for file in files for name in re.findall(r"(?m)^ *def (test_\w+)", file.read_text())]
    assert repeated(names) == [] and repeated([file.name for file in files]) == []
    assert [name for name in names if name.count("_") < 3] == []
