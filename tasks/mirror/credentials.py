"""Gives git on this machine its credentials, without a secret in an argument or a file.

At home git's own ways are used: keys, an agent, a credential helper. A GitLab job has CI_JOB_TOKEN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..executor.git.env_settings import with_settings
from ..inventory.secret import reveal

if TYPE_CHECKING:
    from ..inventory.urls import Login

# git runs it in a shell, where the token is a variable.
JOB_HELPER = '!printf "username=gitlab-ci-token\\npassword=%s\\n" "$CI_JOB_TOKEN" #'


# The same for the user and the password that the url of hosts.yaml has.
LOGIN_HELPER = '!printf "username=%s\\npassword=%s\\n" "$FABVISOR_GIT_USER" "$FABVISOR_GIT_PASSWORD" #'


def environment(environ: Mapping[str, str], repo: str = "", login: Login | None = None) -> dict[str, str]:
    """The caller's environment, with the `login` of `repo`; or, in a GitLab job, with the job's token for the
    repositories of that GitLab.

    Source: GitLab's documentation of CI_JOB_TOKEN. A job with a key of its own keeps it: an agent is not overruled.
    """
    if login is not None:
        named = {"FABVISOR_GIT_USER": reveal(login.user), "FABVISOR_GIT_PASSWORD": reveal(login.password)}
        parts = urlsplit(repo)
        base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"        # a submodule's server gets nothing
        helper = f"credential.{base}.helper"
        return with_settings({**environ, **named}, [(helper, ""), (helper, LOGIN_HELPER)])
    server = environ.get("CI_SERVER_URL", "")
    host = environ.get("CI_SERVER_HOST", "")
    if not (environ.get("CI_JOB_TOKEN") and server and host) or environ.get("SSH_AUTH_SOCK"):
        return dict(environ)
    base = urlsplit(server)._replace(path="", query="", fragment="").geturl()
    address = f"url.{server}/.insteadOf"
    return with_settings(environ, [(f"credential.{base}.helper", JOB_HELPER),
                                   (address, f"git@{host}:"), (address, f"ssh://git@{host}/")])
