"""A module without what a host never reads, as code or as source. Lines keep their numbers, for tracebacks."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path
from types import CodeType
from typing import TypeGuard

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def source(path: Path) -> str:
    """Without comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in filter(_is_documented, ast.walk(ast.parse(text))):
        words = node.body[0]
        first, end = words.lineno - 1, words.end_lineno or words.lineno
        lines[first:end] = [" " * words.col_offset + '""', *[""] * (end - first - 1)]
    return "\n".join(lines)


def compiled(path: Path) -> CodeType:
    """Without docstrings, annotations of functions, and the columns of code: there is no source to show with them."""
    tree = ast.parse(path.read_bytes(), str(path))
    for node in ast.walk(tree):
        _strip(node)
    return compile(tree, str(path), "exec", dont_inherit=True)


def _is_documented(node: ast.AST) -> TypeGuard[ast.Module | ast.ClassDef | ast.FunctionDef]:
    return isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None


def _strip(node: ast.AST) -> None:
    if _is_documented(node) and len(node.body) > 1:
        del node.body[0]
    if isinstance(node, ast.FunctionDef):
        node.returns = None
    if isinstance(node, ast.arg):
        node.annotation = None
    if isinstance(node, (ast.stmt, ast.expr, ast.excepthandler, ast.arg, ast.keyword, ast.alias)):
        # -1: nobody knows it. Python stores no columns then.
        node.end_lineno, node.col_offset, node.end_col_offset = node.lineno, -1, -1
