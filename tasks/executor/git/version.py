"""Which git it is, and whether that is new enough."""

from __future__ import annotations

import re
import shutil
from typing import Mapping, Tuple

from ..errors import NotReady
from ..system import shell
from .command import QUICK
from .server_errors import reason

Version = Tuple[int, int]
OLDEST = (2, 20)                    # before it, `update-ref --stdin` takes no `--no-deref`


def is_older(text: str, than: Version) -> bool:
    """False also where the words have no version in them."""
    numbers = re.match(r"(?:git version )?(\d+)\.(\d+)", text)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < than


def require_git(env: Mapping[str, str], oldest: Version = OLDEST, purpose: str = "Fabvisor") -> str:
    """The version of the git in the PATH of the login, from which it is run. Raises NotReady where there is none, or
    one that is too old."""
    if shutil.which("git", path=env.get("PATH")) is None:
        raise NotReady("git is not installed (or not in PATH)",
                       "install git on the host, or extend PATH in ~/.profile there")
    try:
        said = " ".join(shell.answer(["git", "--version"], cwd="/", env=env, timeout=QUICK))
    except shell.CommandFailed as failure:
        raise NotReady(f"git does not run: {reason(failure.output) or failure.message}",
                       "see on the host: git --version") from None
    version = said.replace("git version ", "")
    if is_older(version, oldest):
        raise NotReady(f"git {version} is older than {oldest[0]}.{oldest[1]}, which {purpose} needs",
                       "install a newer git on the host, and let PATH in ~/.profile there find it first")
    return version
