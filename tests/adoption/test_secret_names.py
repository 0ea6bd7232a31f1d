"""What looks like a secret."""

from __future__ import annotations

import pytest

from tasks.adoption.secret_names import looks_secret


@pytest.mark.promise(7)
@pytest.mark.parametrize(("name", "value"), [
    ("DB_PASSWORD", "x"), ("SECRET_KEY", "x"), ("API_TOKEN", "x"), ("AWS_ACCESS_KEY_ID", "x"), ("dbPassword", "x"),
    ("DBPASSWORD", "x"), ("PUSHOVER_USERKEY", "x"), ("accesskeyId", "x"),
    ("SENTRY_DSN", "https://k@sentry.io/1"), ("DATABASE_URL", "postgres://u:p@db/x"),
    ("REDIS", "redis://:p@db"), ("X", "glpat-abcdefghijkl"), ("X", "-----BEGIN RSA PRIVATE KEY-----"),
])
def test_variable_looks_like_a_secret(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(("name", "value"), [
    ("PORT", "8080"), ("KEYBOARD", "de"), ("AUTHOR", "ann"), ("DB_PASSWORD", ""), ("URL", "http://host:80/a@b"),
    ("MONKEY", "x"), ("COMPASS", "x"), ("DATABASE_URL", "postgres://db/x"),
])
def test_other_variable_does_not(name: str, value: str) -> None:
    assert not looks_secret(name, value)
