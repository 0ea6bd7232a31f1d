"""The locks say exactly what is installed, with hashes; they agree with the short lists that they are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TOOL, TESTS = ROOT / "requirements.txt", ROOT / "tests/requirements.txt"
LOCKS = {"the tool": TOOL, "its tests": TESTS}
PLACES = [{"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system,
           "platform_python_implementation": "CPython", "implementation_name": "cpython", "extra": ""}
          for python in ("3.10", "3.11", "3.12", "3.13", "3.14") for system in ("linux", "darwin")]


def locked(lock: Path) -> list[tuple[Requirement, list[str]]]:
    """Each pinned package with its hashes."""
    text = re.sub(r"(?m)^ *#.*\n?", "", lock.read_text()).replace("\\\n", " ")
    entries = [re.split(r"\s+--hash=", line.strip()) for line in text.splitlines() if line.strip()]
    return [(Requirement(words[0]), words[1:]) for words in entries]


def listed(file: Path) -> Iterator[Requirement]:
    """The packages of a short list, and of those that it includes."""
    for line in file.read_text().splitlines():
        if line.startswith("-r "):
            yield from listed(file.parent / line.removeprefix("-r "))
        elif line and not line.startswith(("#", "-")):
            yield Requirement(line)


def applies(requirement: Requirement, place: dict[str, str] | None = None) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(place or {"extra": ""})


def versions(lock: Path, place: dict[str, str] | None = None) -> dict[str, str]:
    """Package → the version that is installed there. One version each, or this fails."""
    pins = [pin for pin, _ in locked(lock) if applies(pin, place)]
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(names) == len(set(names)), names
    return dict(zip(names, (str(pin.specifier).removeprefix("==") for pin in pins), strict=True))


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_lock_pins_every_package_with_a_hash(lock: Path) -> None:
    for pin, hashes in locked(lock):
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), pin
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), pin


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place['sys_platform']}-{place['python_version']}")
@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_lock_agrees_with_its_list_on_every_python(lock: Path, place: dict[str, str]) -> None:
    found = versions(lock, place)
    for wanted in listed(lock.with_suffix(".in")):
        if applies(wanted, place):
            assert wanted.specifier.contains(found[canonicalize_name(wanted.name)]), wanted


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_lock_names_what_its_packages_need(lock: Path) -> None:
    found = versions(lock)
    for name in found:
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if applies(needed):
                assert needed.specifier.contains(found[canonicalize_name(needed.name)]), (name, text)


def test_tests_run_with_the_versions_of_the_tool() -> None:
    assert versions(TOOL).items() <= versions(TESTS).items()


def test_npm_lock_agrees_with_its_list() -> None:
    folder = ROOT / "tests/tools"
    package, lock = (json.loads((folder / name).read_text()) for name in ("package.json", "package-lock.json"))
    top, *others = lock["packages"].values()
    for kind in ("dependencies", "optionalDependencies"):
        assert top[kind] == package[kind]
        assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in package[kind]} == package[kind]
    assert [part for part in others if "integrity" not in part or "resolved" in part] == []
