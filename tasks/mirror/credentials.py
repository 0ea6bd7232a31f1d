"""Gives git on this machine its credentials, without a secret in an argument or a file.

At home git's own ways are used: keys, an agent, a credential helper. A GitLab job has CI_JOB_TOKEN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..executor.git.environment import with_login, with_settings
from ..inventory.secret import reveal

if TYPE_CHECKING:
    from ..inventory.urls import Login

SSH_ADDRESS = re.compile(r"(?:ssh|git\+ssh|ssh\+git)://(?:[^@/]*@)?(?P<in_url>[^@/:]+)(?::\d*)?/|"
                         r"(?:[^@/:]*@)?(?P<before_colon>[^@/:]+):(?!//)")
# git runs it in a shell, where the token is a variable.
JOB_HELPER = '!printf "username=gitlab-ci-token\\npassword=%s\\n" "$CI_JOB_TOKEN" #'


def environment(environ: Mapping[str, str], repo: str = "", login: Login | None = None) -> dict[str, str]:
    """The caller's environment, with the `login` of `repo`; or, in a GitLab job, with the job's token for the
    repositories of that GitLab.

    Source: GitLab's documentation of CI_JOB_TOKEN. A job with a key of its own keeps it: an agent is not overruled.
    """
    if login is not None:
        return with_login(environ, repo, {"user": reveal(login.user), "password": reveal(login.password)})
    server = environ.get("CI_SERVER_URL", "")
    if not (environ.get("CI_JOB_TOKEN") and server and environ.get("CI_SERVER_HOST")) or environ.get("SSH_AUTH_SOCK"):
        return dict(environ)
    base = urlsplit(server)._replace(path="", query="", fragment="").geturl()
    # The empty one forgets helpers that are configured: git tells each of them a login that was good, and `store` would
    # write the token into a file, where the next job finds it when it is valid no more.
    helpers = [(f"credential.{base}.helper", helper) for helper in ("", JOB_HELPER)]
    # Of a server whose certificate this machine does not know by itself; the runner trusts it.
    authority = environ.get("CI_SERVER_TLS_CA_FILE")
    trusted = [(f"http.{base}.sslCAInfo", authority)] if authority else []
    return with_settings(environ, [*helpers, *trusted, *(
        (f"url.{server}/.insteadOf", prefix) for prefix in _ssh_prefixes(environ, repo))])


def _ssh_prefixes(environ: Mapping[str, str], repo: str) -> list[str]:
    """What stands in front of the path in an ssh address of the job's GitLab, which may have a name and a port of its
    own for ssh; older versions do not tell them, so those of `repo` count, too."""
    hosts = dict.fromkeys(filter(None, map(environ.get, ("CI_SERVER_HOST", "CI_SERVER_SHELL_SSH_HOST"))))
    port = environ.get("CI_SERVER_SHELL_SSH_PORT", "")
    known = [prefix for host in hosts for prefix in
             (f"git@{host}:", f"ssh://git@{host}/", *([f"ssh://git@{host}:{port}/"] if port else []))]
    written = SSH_ADDRESS.match(repo)
    is_ours = written and (written["in_url"] or written["before_colon"]).lower() in map(str.lower, hosts)
    return list(dict.fromkeys([*known, *([written[0]] if written and is_ours else [])]))
