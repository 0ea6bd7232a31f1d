"""Settings of git in its environment: there no argument list shows them, and the gits that it runs have them, too."""

from __future__ import annotations

from typing import Mapping, Sequence


def with_settings(env: Mapping[str, str], settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The environment with these settings behind its own. In the variable by which any git hands on what its `-c` says:
    GIT_CONFIG_COUNT means nothing to git before 2.31, which Debian 11 and Ubuntu 20.04 have."""
    words = ["'" + f"{key}={value}".replace("'", r"'\''") + "'" for key, value in settings]
    own = env.get("GIT_CONFIG_PARAMETERS")
    return {**env, "GIT_CONFIG_PARAMETERS": " ".join([own, *words] if own else words)}
