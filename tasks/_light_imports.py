"""Imports without what they bring along and nobody here needs. Each function names its gain, as in `_launch`."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import typing
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def no_mock() -> Iterator[None]:
    """20 ms: Invoke imports unittest.mock, and with it asyncio, only for its helpers of tests."""
    sys.modules["unittest.mock"] = unused = ModuleType("unittest.mock")
    vars(unused)["Mock"] = None
    yield
    del sys.modules["unittest.mock"]


@contextlib.contextmanager
def one_yaml() -> Iterator[None]:
    """3 ms: Invoke brings a copy of PyYAML, an older one, where we need the installed one anyway. It is a face of it,
    which reads a fabric.yaml with libyaml."""
    with _late_expressions():
        import yaml

    sys.modules["invoke.vendor.yaml"] = face = ModuleType("invoke.vendor.yaml")
    vars(face)["safe_load"] = partial(yaml.load, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    yield
    del sys.modules["invoke.vendor.yaml"]


@contextlib.contextmanager
def _late_expressions() -> Iterator[None]:
    """5 ms: PyYAML compiles regular expressions for its own reader, and for dates, which libyaml and hosts.yaml do
    without."""
    at_once = re.compile
    vars(re)["compile"] = _LateExpression
    try:
        yield
    finally:
        vars(re)["compile"] = at_once


class _LateExpression:
    """It is compiled when it is first used."""

    def __init__(self, *words: Any) -> None:
        self._words = words

    def __getattr__(self, name: str) -> Any:
        return self.__dict__.setdefault(name, getattr(re.compile(*self._words), name))


@contextlib.contextmanager
def no_typing_extensions() -> Iterator[None]:
    """2 ms: msgspec takes from there, where it is installed, what Python's own typing has from 3.11 on."""
    if "typing_extensions" in sys.modules or not hasattr(typing, "NotRequired"):
        yield
        return
    modules: dict[str, ModuleType | None] = vars(sys)["modules"]
    modules["typing_extensions"] = None                     # as if it were not installed
    yield
    del sys.modules["typing_extensions"]


@contextlib.contextmanager
def no_platform() -> Iterator[None]:
    """1 ms: uuid, which msgspec imports, asks it for the name of the system alone."""
    if "platform" in sys.modules:
        yield
        return
    sys.modules["platform"] = stand_in = ModuleType("platform")
    vars(stand_in)["system"] = lambda: os.uname().sysname
    yield
    del sys.modules["platform"]


def know_versions() -> None:
    """9 ms: paramiko looks up its own version with importlib.metadata, which imports email, zipfile, csv, tempfile."""
    if "importlib.metadata" not in sys.modules:
        sys.modules["importlib.metadata"] = vars(importlib)["metadata"] = _LateMetadata("importlib.metadata")


class _LateMetadata(ModuleType):
    """Knows the versions of packages; for anything else the real module takes its place."""

    def version(self, package: str) -> str:
        """By the name of the package's folder of metadata."""
        spec = find_spec(package)
        folder = Path(spec.origin).parents[1] if spec and spec.origin else Path()
        versions = (path.stem.partition("-")[2] for path in folder.glob(f"{package}-*.dist-info"))
        return next(versions, None) or str(self.__getattr__("version")(package))

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)
