"""The executor runs on whatever Python 3.8 or newer a host has: held to that without such a Python here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from tasks.remote.sent_executor import bootstrap

SENT = [*sorted(bootstrap.EXECUTOR.rglob("*.py")), Path(bootstrap.__file__).with_name("_loader.py")]


def test_executor_parses_as_python_38_and_evaluates_no_modern_annotation() -> None:
    """`X | None` and `list[int]` outside annotations are evaluated: vermin looks for those; inside they need this."""
    assert [path for path in SENT if not _evaluates_none(
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 8)))] == []


def _evaluates_none(tree: ast.Module) -> bool:
    if any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body):
        return True
    return not any(isinstance(node, ast.AnnAssign) or (isinstance(node, ast.arg) and node.annotation)
                   or (isinstance(node, ast.FunctionDef) and node.returns) for node in ast.walk(tree))


def vermin(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Whether these need more than 3.8: modules, functions, arguments, operators, syntax."""
    command = [sys.executable, "-c", "import gc; gc.disable(); from vermin import main; main()",
               "--target=3.8-", "--processes=1", "--no-tips", "--violations",
               "--backport", "typing", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_executor_uses_only_what_python_38_has() -> None:
    done = vermin(*SENT)
    assert done.returncode == 0 and "Minimum required versions" in done.stdout, done.stdout + done.stderr


def test_version_check_notices_newer_python(tmp_path: Path) -> None:
    newer = ["'a'.removeprefix('b')", "match 1:\n    case 1: pass", "{} | {}", "import zoneinfo",
             "with (open('a') as a, open('b') as b): pass"]
    files = [tmp_path / f"{number}.py" for number in range(len(newer))]
    for file, line in zip(files, newer, strict=True):
        file.write_text(line + "\n")
    done = vermin(*files)
    assert done.returncode != 0 and "Target versions not met" in done.stdout, done.stdout + done.stderr
    assert [file for file in files if not re.search(rf"(?m)^!2, 3\.(9|10) +{file}$", done.stdout)] == [], done.stdout
