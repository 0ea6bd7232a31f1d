from __future__ import annotations

import hashlib

import pytest

from tasks.executor import digests


def test_digest_is_that_of_hashlib_with_and_without_a_module_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = hashlib.sha256(b"x").hexdigest()
    assert digests.sha256(b"x") == expected
    digests._function.cache_clear()
    monkeypatch.setattr(digests, "import_module", _only_hashlib)
    assert digests.sha256(b"x") == expected
    digests._function.cache_clear()


def _only_hashlib(name: str) -> object:
    if name != "hashlib":
        raise ImportError(name)
    return hashlib
