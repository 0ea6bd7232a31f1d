"""Tells which variables look like secrets. When in doubt, a variable is one."""

from __future__ import annotations

import re

from ..executor.protocol import MASK

WORDS = {"SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "TOKEN", "KEY", "APIKEY", "CREDENTIAL",
         "CREDENTIALS", "DSN", "SALT", "AUTH", "PRIVATE", "PIN"}
PARTS = re.compile(r"SECRET|PASSW|TOKEN|CREDENTIAL|(API|APP|ACCESS|AUTH|CRYPT|MASTER|SIGN|USER)KEY", re.IGNORECASE)
# A password in a URL; a private key; what GitLab, GitHub, Slack, Stripe and AWS hand out; a JSON web token.
VALUES = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY|^(glpat-|gh[pousr]_|xox[abprs]-|[sr]k_live_"
                    r"|AKIA[0-9A-Z]{12}|eyJ[\w-]+\.)")


def shown(name: str, value: str) -> str:
    """The value, as a remark may have it."""
    return MASK if looks_secret(name, value) else value


def looks_secret(name: str, value: str) -> bool:
    """An empty value hides nothing."""
    words = {word.upper() for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)}
    return bool(value) and bool(words & WORDS or PARTS.search(name) or VALUES.search(value))
