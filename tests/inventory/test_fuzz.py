"""A seeded fuzz of hosts.yaml: a mutated file is refused with a line, or becomes what supervisord can read."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from tasks._errors import InventoryError
from tasks.inventory import origins
from tasks.inventory.loading import Inventory, load
from tasks.program import files
from tests.support.lab import CHECKOUT
from tests.support.pages import ALL_PAGES, blocks

from .test_hostile_files import SECONDS
from .test_origins import TEXT

EXAMPLES = [text for text in (TEXT, *blocks("yaml", ALL_PAGES), (CHECKOUT / "hosts.yaml").read_text())
            if "environments:" in text]
SEEDS = range(40)
ROUNDS = 10                     # of each seed

VALUES = [
    "!!bool x", "!!timestamp 5", "!!python/name:os.system", "!x", "&a", "*a", "<<", "&a [*a]", r'"\ud800"', r'"\0"',
    r'"\x1b[31m"', "'\u202e'", "9" * 5000, "-1", "0", "027", "0x10", "1:30", "1e999", ".inf", ".nan", "1.5", "true",
    "no", "~", "", "''", "[]", "{}", "[[[[]]]]", "{a: {b: c}}", "999999999h", "1h", "10m", "2024-02-31", "2024-01-01",
    "'%(here)s'", "'50%'", "'a ;b'", "'${PORT}'", "'${X}'", "'${'", "../x", "/", "~", "'~x'", "-x", "'a b'", "'a\tb'",
    "UID", "RUN_MODE", "all", "https://u:p@h/x", "ext::sh", "'\u00e9'", "x" * 2000, '"' + "x," * 2000 + '"', "|", ">",
    "?", "- -", "{", "]", "@", "`", "%", "!", "'", '"', "#", ": :", "=", "\t", "\x00", "\x85", "\ufeff", "\u2028",
]
KEYS = ["program", "health", "hooks", "variables", "secrets", "shared", "requires", "lease", "port", "umask",
        "startsecs", "killasgroup", "stopasgroup", "stdout_logfile", "stderr_logfile", "redirect_stderr", "numprocs",
        "<<", "directory", "files"]


def other_value(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(":")
    lines[at] = f"{key}: {rng.choice(VALUES)}" if colon else lines[at] + rng.choice(VALUES)


def other_key(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    _, colon, value = lines[at].partition(":")
    indent = lines[at][:len(lines[at]) - len(lines[at].lstrip())]
    lines[at] = indent + rng.choice(KEYS) + colon + value


def new_line(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines.insert(at, f"{' ' * rng.choice((0, 2, 4, 6, 8))}{rng.choice(KEYS)}: {rng.choice(VALUES)}")


def moved_line(rng: random.Random, lines: list[str]) -> None:
    lines.insert(rng.randrange(len(lines)), lines.pop(rng.randrange(len(lines))))


def copied_lines(rng: random.Random, lines: list[str]) -> None:
    first = rng.randrange(len(lines))
    lines[first:first] = lines[first:first + rng.randrange(1, 6)] * rng.choice((1, 1, 300))


def other_indent(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = rng.choice((" ", "  ", "\t", "- ", "")) + lines[at].lstrip(" " * rng.randrange(3))


def other_character(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    column = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:column] + rng.choice("{}[]:,&*!|>'\"%@`#-? \x00\x1b\u20ac") + lines[at][column + 1:]


MUTATIONS: list[Callable[[random.Random, list[str]], None]] = [
    other_value, other_value, other_value, other_key, new_line, new_line, moved_line, copied_lines, other_indent,
    other_character]


def mutated(rng: random.Random) -> bytes:
    lines = rng.choice(EXAMPLES).splitlines()
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        rng.choice(MUTATIONS)(rng, lines)
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return content if rng.random() < 0.95 else content[:rng.randrange(len(content))] + rng.randbytes(3)


def check_refused(error: InventoryError) -> None:
    assert error.exit_code == 2 and error.problems and error.hint
    for problem in error.problems:
        assert problem.line > 0 or problem.message == "is empty", problem
        assert problem.message and problem.message.isprintable() and len(problem.message) < 500, problem


def use(read: Inventory, folder: Path) -> None:
    """All that is made of it before a host is contacted, and the program file that the host would get."""
    for name in read.environments:
        for target in read.environment(name).targets:
            assert origins.of_service(read, name, target.service.name, [target.host.name], {})
            text = files.program_file(target.service, files.Paths(
                directory=f"/srv/{target.service.directory}", env_file="/srv/env", logs=str(folder)))
            options = {option for program in target.service.programs for option in program.options}
            if not {"user", "stdout_logfile", "stderr_logfile"} & options:          # names of a host's own
                (folder / "supervisord.conf").write_text("[supervisord]\n" + text)
                ServerOptions().realize(args=["-c", str(folder / "supervisord.conf")], doc="")


@pytest.mark.promise(9)
@pytest.mark.rows(10)
@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_file_is_refused_with_a_line_or_works(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        (tmp_path / "hosts.yaml").write_bytes(mutated(rng))
        began = time.process_time()
        try:
            read = load(tmp_path / "hosts.yaml")
        except InventoryError as error:
            check_refused(error)
        else:
            use(read, tmp_path)
        assert time.process_time() - began < SECONDS


def test_mutations_leave_some_files_right_and_make_others_wrong(tmp_path: Path) -> None:
    """A fuzz that only breaks YAML, or only changes nothing, would test little."""
    rng = random.Random(2)
    outcomes = []
    for _ in range(100):
        (tmp_path / "hosts.yaml").write_bytes(mutated(rng))
        try:
            load(tmp_path / "hosts.yaml")
            outcomes.append("right")
        except InventoryError as error:
            outcomes.append("no YAML" if "not valid YAML" in error.message else "mistake")
    assert min(outcomes.count(kind) for kind in ("right", "no YAML", "mistake")) >= 5
