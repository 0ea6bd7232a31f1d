"""The services that were deployed here, by the program files that our deploys leave."""

from __future__ import annotations

import os

from .supervisord_conf import Configuration


def services(conf: Configuration) -> list[str]:
    """Their names: of each, supervisord reads a file that we wrote."""
    files = {section.path for section in conf.definitions if section.is_ours}
    return sorted(os.path.splitext(os.path.basename(path))[0] for path in files)
