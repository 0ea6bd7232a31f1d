"""SHA-256 as Python's own `random` takes it: hashlib loads OpenSSL, which takes 2 ms."""

from __future__ import annotations

import contextlib
import functools
from importlib import import_module
from typing import Any


def sha256(data: bytes) -> str:
    return str(_function()(data).hexdigest())


@functools.lru_cache(maxsize=None)
def _function() -> Any:
    for module in ("_sha2", "_sha256"):         # from Python 3.12 on, and before it
        with contextlib.suppress(ImportError):
            return import_module(module).sha256
    return import_module("hashlib").sha256
