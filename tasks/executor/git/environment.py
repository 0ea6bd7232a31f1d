"""The environment and the settings in which git asks for nothing, and is the same on all hosts."""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from ..protocol import GitLogin

# A shell runs it, and the names are those of variables.
HELPER = '!printf "username=%s\\npassword=%s\\n" "$FABVISOR_GIT_USER" "$FABVISOR_GIT_PASSWORD" #'
# Automatic gc would go on in the background after the step, and protocols like ext:: run commands.
# A power cut must not leave half an index: without one there is no way back.
# A split index without hashes, of `feature.manyFiles`, forgets what it was split from.
# The rest is the same whatever the host's user has set. Hooks of the repository (husky, git-lfs) are for people.
SETTINGS = tuple(word for setting in (
    "gc.auto=0", "maintenance.auto=0", "advice.detachedHead=false", "core.fsync=all", "core.fsyncMethod=batch",
    "protocol.ext.allow=never", "core.quotePath=false",
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "index.skipHash=false",
    "core.autocrlf=false", "core.safecrlf=false", "core.eol=lf", "core.symlinks=true", "core.attributesFile=/dev/null",
    "submodule.recurse=false", "fetch.recurseSubmodules=false", "fetch.prune=false",
    "fetch.pruneTags=false", "commit.gpgSign=false", "log.showSignature=false", "color.ui=false",
    "status.renames=false", "rerere.enabled=false", "checkout.workers=1", "core.logAllRefUpdates=true",
    "color.remote=false", "diff.orderFile=/dev/null", "apply.whitespace=nowarn", "i18n.logOutputEncoding=UTF-8",
    "safe.bareRepository=all", "init.defaultBranch=main", "init.defaultObjectFormat=sha1",
    "init.defaultRefFormat=files", "worktree.useRelativePaths=false")
    for word in ("-c", setting))


def own_environment(env: Mapping[str, str], directory: str) -> dict[str, str]:
    """For git in that directory: without what points it to another repository."""
    own = {name: value for name, value in env.items()
           if not name.startswith("GIT_") or name in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSL_CAINFO")
           or name.startswith("GIT_CONFIG_")}
    own.update({
        "GIT_CEILING_DIRECTORIES": os.path.dirname(os.path.realpath(directory)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_NO_REPLACE_OBJECTS": "1",      # a commit is what its hash says, on every host
        "GIT_OPTIONAL_LOCKS": "0",          # a killed `git status` would leave its lock behind
        "SSH_ASKPASS": "",
        "LC_ALL": "C",
    })
    return own


def with_login(env: Mapping[str, str], repo: str, login: GitLogin) -> dict[str, str]:
    """The environment, in which git gives the login to the server of `repo` and to no other; no argument or file has
    it."""
    from urllib.parse import urlsplit  # rarely needed, and it takes 2 ms of a start

    parts = urlsplit(repo)
    server = f"credential.{parts.scheme}://{parts.netloc.rpartition('@')[2]}.helper"
    named = {**env, "FABVISOR_GIT_USER": login["user"], "FABVISOR_GIT_PASSWORD": login["password"]}
    return with_settings(named, [(server, ""), (server, HELPER)])   # the empty one forgets helpers that are configured


def with_settings(env: Mapping[str, str], settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The environment with these settings behind its own: no argument list shows them, and the gits that git runs have
    them, too. In the variable by which any git hands on what its `-c` says: GIT_CONFIG_COUNT means nothing to git
    before 2.31, which Debian 11 and Ubuntu 20.04 have."""
    words = ["'" + f"{key}={value}".replace("'", r"'\''") + "'" for key, value in settings]
    own = env.get("GIT_CONFIG_PARAMETERS")
    return {**env, "GIT_CONFIG_PARAMETERS": " ".join([own, *words] if own else words)}
