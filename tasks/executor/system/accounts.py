"""The users of this host, by name."""

from __future__ import annotations

import os
import pwd


def user_name(uid: int) -> str:
    """The name of a user; the number of one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def login_name() -> str:
    """The user that we run as: the one who logged in."""
    return user_name(os.geteuid())
