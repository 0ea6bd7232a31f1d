"""Fabric's configuration, also for a user without a name. It reads no ssh_config: OpenSSH itself says what that means
(ssh -G), and Fabric's own reader fails on lines that OpenSSH takes."""

from __future__ import annotations

from typing import Any

import fabric
import fabric.config

from .paramiko_private.config_reader import ConfigReader

ask_fabric = fabric.config.get_local_user


def local_user() -> str | None:
    """None where nobody has a name, as Fabric promises: from Python 3.13 on, that is another error than it expects."""
    try:
        user: str | None = ask_fabric()
    except OSError:
        return None
    return user


fabric.config.get_local_user = local_user


def defaults() -> dict[str, Any]:
    return {**fabric.Config.global_defaults(), "load_ssh_configs": False}


def of_connection() -> fabric.Config:
    return fabric.Config(lazy=True, ssh_config=ConfigReader())
