"""The projects that hold hosts.yaml and this tool, as a CI server knows them."""

from __future__ import annotations

import re
from typing import NamedTuple

# GROUP/PROJECT, as in its URL; a server puts in variables.
PATH = re.compile(r"[\w.${}-]+(/[\w.${}-]+)+(?<!\.git)")


class Sources(NamedTuple):
    """The project of hosts.yaml; and that of this tool, unless it is the same. The defaults are those of
    templates/deploy.yml."""

    project: str = "ops/deploy"
    ref: str = "main"
    tool: str = ""
    tool_ref: str = "main"

    def inputs(self) -> dict[str, str]:
        """What the template must be told."""
        defaults = Sources()._asdict()
        return {name: value for name, value in self._asdict().items() if value != defaults[name]}

    def template(self) -> dict[str, str]:
        """Where the template itself is."""
        return {"project": self.tool or self.project, "ref": self.tool_ref if self.tool else self.ref}
