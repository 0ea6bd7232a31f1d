"""Compiles a module without what a host never reads: docstrings, annotations of functions, and the columns of code. It
has no sources to show with them."""

from __future__ import annotations

import ast
from pathlib import Path
from types import CodeType

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def compiled(path: Path) -> CodeType:
    tree = ast.parse(path.read_bytes(), str(path))
    for node in ast.walk(tree):
        _strip(node)
    return compile(tree, str(path), "exec", dont_inherit=True)


def _strip(node: ast.AST) -> None:
    if isinstance(node, DOCUMENTED) and len(node.body) > 1 and ast.get_docstring(node, clean=False) is not None:
        del node.body[0]
    if isinstance(node, ast.FunctionDef):
        node.returns = None
    if isinstance(node, ast.arg):
        node.annotation = None
    if isinstance(node, (ast.stmt, ast.expr, ast.excepthandler, ast.arg, ast.keyword, ast.alias)):
        # -1: nobody knows it. Python stores no columns then.
        node.end_lineno, node.col_offset, node.end_col_offset = node.lineno, -1, -1
