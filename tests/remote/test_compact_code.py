"""What is left of a module when it is sent, as compiled code or as source."""

from __future__ import annotations

import ast
import marshal
import traceback
from pathlib import Path
from typing import Any

import pytest

from tasks.remote.sent_executor.bootstrap import EXECUTOR
from tasks.remote.sent_executor.compact_code import compiled, source

MODULE = '''\
"""Of the module."""
from __future__ import annotations
from typing import NamedTuple

class Empty(Exception):
    """Of a class without a body."""

class Point(NamedTuple):
    """Of a tuple."""
    x: int
    y: int = 2

def fails(point: Point, *rest: int, name: str = "") -> int:
    """Of a function."""
    return (point.x +
            len(rest) // 0)
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "module.py"
    file.write_text(MODULE)
    return file


def test_compact_code_does_what_the_module_does_and_names_its_lines(path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "module"}
    exec(compiled(path), namespace)
    assert namespace["Point"](1) == (1, 2)
    with pytest.raises(ZeroDivisionError) as raised:
        namespace["fails"](namespace["Point"](1))
    assert traceback.extract_tb(raised.tb)[-1][:3] == (str(path), 16, "fails")


def test_compact_code_has_nothing_that_a_host_never_reads(path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "module"}
    exec(compiled(path), namespace)
    fails = namespace["fails"]
    assert fails.__annotations__ == {} and fails.__doc__ is None and namespace["Point"].__annotations__
    for words in (b"Of the module", b"Of a tuple", b"Of a function"):
        assert words not in marshal.dumps(compiled(path))
    if hasattr(fails.__code__, "co_positions"):             # from Python 3.11 on
        assert {position[2] for position in fails.__code__.co_positions()} <= {None, 0}          # 0: of its start


@pytest.mark.usefixtures("whole_suite")
def test_sent_source_is_the_same_program_in_the_same_lines() -> None:
    for path in EXECUTOR.rglob("*.py"):
        assert program(source(path)) == program(path.read_text()), path


def program(text: str) -> tuple[str, list[int]]:
    """All but the words of docstrings; and the line of each part."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree), [getattr(node, "lineno", 0) for node in ast.walk(tree)]


def test_sent_source_has_no_words_for_people(path: Path) -> None:
    path.write_text(MODULE.replace("x: int\n", "x: int    # a remark, with ü\n"))
    sent = source(path)
    assert "Of " not in sent and "remark" not in sent and "x: int\n" in sent
