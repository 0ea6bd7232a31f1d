"""paramiko's reader of ssh_config, also for a user without a name.

A container may run as a user id that has no entry in the password database. paramiko asks for the user's name at each
block and each value, also where nothing stands for it.
"""

from __future__ import annotations

from typing import Any

from paramiko import SSHConfig


class ConfigReader(SSHConfig):
    def _does_match(self, match_list: list[dict[str, Any]], *rest: Any) -> Any:
        return match_list and super()._does_match(match_list, *rest)        # type: ignore[misc]

    def _tokenize(self, config: Any, target_hostname: str, key: str, value: str) -> Any:
        has_token = "%" in value or "~" in value
        return super()._tokenize(config, target_hostname, key, value) if has_token else value    # type: ignore[misc]
