"""A hosts.yaml made to exhaust or confuse its reader is refused with a line, quickly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tasks._errors import InventoryError
from tasks.inventory.loading import load

from .samples import mistakes_in, whole

SECONDS = 2.0


def refusal(folder: Path, content: bytes) -> InventoryError:
    path = folder / "hosts.yaml"
    path.write_bytes(content)
    began = time.process_time()
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert time.process_time() - began < SECONDS
    assert caught.value.exit_code == 2
    assert all("\n" not in problem.message and len(problem.message) < 500 for problem in caught.value.problems)
    return caught.value


def bomb(levels: int, ten: str) -> str:
    """Each level holds the one before it ten times."""
    lines = ["a0: &a0 {k: v}"]
    return "\n".join(lines + [f"a{n}: &a{n} {ten.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, levels)])


@pytest.mark.promise(9)
@pytest.mark.parametrize(("content", "line", "words"), [
    pytest.param("- " * 100_000, 1, "levels deep", id="lists in lists"),
    pytest.param("[" * 100_000, 1, "levels deep", id="open brackets"),
    pytest.param("a: " + "{a: " * 50_000, 1, "levels deep", id="mappings in mappings"),
    pytest.param("? " * 100_000, 1, "levels deep", id="keys of keys"),
    pytest.param("".join(f"{' ' * n}a:\n" for n in range(500)), 50, "levels deep", id="a long stair"),
    pytest.param("\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 300))]), 1, "levels deep",
                 id="aliases of aliases"),
    pytest.param(bomb(12, "[{0}]"), 1, "counting what its aliases stand for", id="aliases that multiply"),
    pytest.param(bomb(12, "{{<<: [{0}]}}"), 1, "counting what its aliases stand for", id="merges that multiply"),
    pytest.param("\n".join(["a0: &a0 {k: v}", *(f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 300))]), 1,
                 "levels deep", id="merges of merges"),
    pytest.param("x: y\n" * 200_000, 104_858, "larger than 512 KB", id="a large file"),
    pytest.param("a: [" + "1," * 200_000 + "]", 1, "more than 50000 values", id="a long list"),
    pytest.param("a: [b\n" * 80_000, 2, "not valid YAML", id="a large file that is not YAML"),
    pytest.param('a: "\\UFFFFFFFF"', 1, "not valid YAML", id="a character beyond all"),
    pytest.param("a: *" + "x" * 100_000, 1, "not valid YAML", id="a long alias"),
])
def test_file_that_exhausts_a_reader_is_refused_with_a_line(tmp_path: Path, content: str, line: int,
                                                            words: str) -> None:
    [problem] = refusal(tmp_path, content.encode()).problems
    assert words in problem.message
    assert problem.line == line


@pytest.mark.promise(9)
@pytest.mark.parametrize(("value", "words"), [
    ("!!bool x", "tag '!!bool'"), ("!!timestamp 5", "tag '!!timestamp'"), ("!!int x", "tag '!!int'"),
    ("!!float x", "tag '!!float'"), ("!!binary '\u00e9'", "tag '!!binary'"), ("!!null x", "tag '!!null'"),
    ("!!set {a, b}", "tag '!!set'"), ("!!omap [a: b]", "tag '!!omap'"), ("!vault secret", "tag '!vault'"),
    ("!!python/object/apply:os.system [reboot]", "tag '!!python/object/apply:os.system'"),
    ("2024-02-31", "YAML cannot read"), ("2024-01-01T00:00:00+99:00", "YAML cannot read"),
    (r'"\ud800"', "half of a character"), (r'"\ud83d\ude00"', "half of a character"),
    ("9" * 5000, "more than 100 digits"), ("0x" + "f" * 5000, "more than 100 digits"),
    ("1" + ":30" * 5000, "more than 100 digits"), ("1" + ":30" * 5000 + ".5", "more than 100 digits"),
    ("1" * 400 + ".5", "more than 100 digits"), (".inf", "expected text"), ("=", "YAML cannot read"),
])
@pytest.mark.rows(32)
@pytest.mark.parametrize("place", ["variables: {{A: {}}}", "user: {}", "lease: {}"])
def test_value_that_yaml_cannot_construct_is_one_message(tmp_path: Path, value: str, words: str, place: str) -> None:
    error = refusal(tmp_path, whole(defaults=place.format(value)).encode())
    assert [problem.line for problem in error.problems] == [3]
    assert words in error.problems[0].message or value == ".inf"


@pytest.mark.promise(9)
@pytest.mark.parametrize("key", [r'"\udc00"', "!!int 5", "!!bool x", "9" * 5000, "!!merge x", "2024-02-31",
                                 '"' + "x" * 100_000 + '"'])
@pytest.mark.parametrize("place", ["variables: {{ {}: x }}", "{}: x"])
def test_key_that_yaml_cannot_construct_is_one_message(tmp_path: Path, key: str, place: str) -> None:
    error = refusal(tmp_path, whole(defaults=place.format(key)).encode())
    assert [problem.line for problem in error.problems] == [3]


@pytest.mark.promise(9)
@pytest.mark.parametrize("time", ["999999999h", "169h", "999999999", "604801"])
@pytest.mark.parametrize("place", ["lease: {}", "connect_timeout: {}"])
def test_time_that_no_clock_can_wait_for_is_refused(tmp_path: Path, time: str, place: str) -> None:
    [message] = mistakes_in(tmp_path, whole(defaults=place.format(time)))
    assert "expected a time up to 168h" in message


@pytest.mark.parametrize("place", ["build_timeout: {}", "health: {{tcp: 'x:1', timeout: {}}}"])
def test_long_time_of_a_service_is_refused(tmp_path: Path, place: str) -> None:
    [message] = mistakes_in(tmp_path, whole(service=place.format("999999999h")))
    assert "expected a time up to 168h" in message


@pytest.mark.parametrize("option", [
    "startsecs: 604801", "stopwaitsecs: 99999999999", "startretries: 99999999999", f"priority: {'9' * 99}",
    f"stdout_logfile_maxbytes: {'9' * 90}MB", "stderr_logfile_backups: 99999999999",
])
def test_number_that_no_program_needs_is_refused(tmp_path: Path, option: str) -> None:
    assert len(mistakes_in(tmp_path, whole(service=f"program: {{redirect_stderr: false, {option}}}"))) == 1


def test_releases_without_end_are_refused(tmp_path: Path) -> None:
    [message] = mistakes_in(tmp_path, whole(service=f"keep_releases: {10 ** 30}"))
    assert "expected at most 1000" in message


@pytest.mark.promise(9)
@pytest.mark.parametrize("text", [
    pytest.param("services: {s: {repo: r, command: c}}\nenvironments: {p: {branch: b, services: ["
                 + ", ".join(f"s{n}" for n in range(20_000)) + "]}}", id="services that are not there"),
    pytest.param("services: {" + ", ".join(f"s{n}: {{repo: r, command: c, directory: d}}" for n in range(5_000))
                 + "}\nenvironments: {p: {branch: b, hosts: [h]}}", id="one directory for all"),
    pytest.param("defaults: {root: /r}\nservices: {" + ", ".join(f"s{n}: {{repo: r, command: c}}" for n in range(4_000))
                 + "}\nenvironments: {p: {branch: b, hosts: [" + ", ".join(f"h{n}" for n in range(20_000)) + "]}}",
                 id="services on hosts"),
    pytest.param("services: {s: {repo: r, command: c, shared: [" + ", ".join("a" for _ in range(40_000))
                 + "]}}\nenvironments: {p: {branch: b}}", id="shared paths"),
    pytest.param("services: {s: {repo: r, command: c, directory: '" + "a/" * 200_000
                 + "'}}\nenvironments: {p: {branch: b}}", id="a deep directory"),
    pytest.param("services: {s: {repo: r, command: c, strategy: " + "releases" * 50_000
                 + "}}\nenvironments: {p: {branch: b}}", id="a long word"),
    pytest.param("".join(f"key{n}: 1\n" for n in range(20_000)), id="unknown keys"),
    pytest.param("x: 1\n" * 20_000, id="one key again and again"),
    pytest.param("defaults: {variables: {" + ", ".join(f"A{n}: 0{n}1" for n in range(10_000))
                 + "}}\nservices: {}\nenvironments: {}", id="numbers that are misread"),
])
@pytest.mark.rows(3)
def test_file_with_thousands_of_mistakes_is_refused_quickly(tmp_path: Path, text: str) -> None:
    assert len(refusal(tmp_path, text.encode()).problems) <= 150


def test_mistakes_beyond_the_first_fifty_are_announced(tmp_path: Path) -> None:
    text = whole(defaults="\n".join(f"key{n}: 1" for n in range(60)))
    error = refusal(tmp_path, text.encode())
    assert len(error.problems) == 50
    assert "there may be more mistakes" in error.hint
